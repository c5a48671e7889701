// Colours of variants: the same wherever a variant appears, and no two rows alike.
#include "plot/colors.h"

#include "paper/variants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 60 };

static row_style style_of(const char *name) {
    row_style style;
    row_styles_fill(&name, 1, &style);
    return style;
}

static void assert_distinct(const row_style *rows, int count) {
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < i; j++) assert_int_not_equal(rows[i].light, rows[j].light);
        for (int j = 0; j < COLOR_SERIES; j++) assert_int_not_equal(rows[i].light, figure_colors[j].light);
        assert_in_range(rows[i].light, 1, 0xffffff);
        assert_in_range(rows[i].dark, 1, 0xffffff);
    }
}

static void variants_keep_their_colours(void **state) {
    (void)state;
    const char *few[] = {"dense", "sigma-moe"}, *more[] = {"switch", "sigma-moe", "topk", "dense"};
    row_style a[2], b[4];
    row_styles_fill(few, 2, a);
    row_styles_fill(more, 4, b);
    assert_int_equal(a[0].light, b[3].light);
    assert_int_equal(a[0].dark, b[3].dark);
    assert_int_equal(a[1].light, b[1].light);
    assert_string_equal(b[3].property, "--row-3");
}

static void all_variants_differ(void **state) {
    (void)state;
    const char *names[MOST_PAPER_VARIANTS];
    row_style rows[MOST_PAPER_VARIANTS];
    int count = paper_variant_count();
    for (int i = 0; i < count; i++) names[i] = paper_variant_at(i)->name;
    row_styles_fill(names, count, rows);
    assert_distinct(rows, count);
}

static void rows_of_one_variant_differ(void **state) {
    (void)state;
    const char *names[ROWS];
    row_style rows[ROWS];
    for (int i = 0; i < ROWS; i++) names[i] = i % 2 ? "topk" : "sigma-moe";
    row_styles_fill(names, ROWS, rows);
    assert_distinct(rows, ROWS);
    assert_int_equal(rows[0].light, style_of("sigma-moe").light);
    assert_true(rows[2].marker != rows[0].marker && rows[2].dash != rows[0].dash);
}

static void unknown_variants_have_one_too(void **state) {
    (void)state;
    assert_int_equal(style_of("of tomorrow").light, style_of("of tomorrow").light);
}

// A row's colour is a custom property of the page, which finds it by the light value alone.
static void heat_maps_have_colours_of_their_own(void **state) {
    (void)state;
    for (int i = 1; i < HEAT_COLORS; i++) {
        assert_int_not_equal(heat_color(i, 0), heat_color(i - 1, 0));
        assert_int_not_equal(heat_color(i, 1), heat_color(i - 1, 1));
    }
    assert_int_equal(heat_color(0, 0), 0xeef3f8);
    assert_int_equal(heat_color(HEAT_COLORS - 1, 0), 0x0b2f52);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(variants_keep_their_colours),
        cmocka_unit_test(all_variants_differ), cmocka_unit_test(rows_of_one_variant_differ),
        cmocka_unit_test(unknown_variants_have_one_too),
        cmocka_unit_test(heat_maps_have_colours_of_their_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
