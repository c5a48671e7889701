// Charts and heat maps as pages have them: colours as properties, values as JSON, and a baseline where it squashes nothing.
#include "train/fixture.h"

#include "plot/chart.h"
#include "plot/heat_map.h"

#include <jansson.h>

static const char *const variants[] = {"dense", "sigma-moe"};

typedef struct drawn {
    row_style rows[2];
    chart_point points[2][3];
    chart_series series[2];
    chart chart;
    figure figure;
    arena *arena;
} drawn;

static void begin(drawn *d, double baseline) {
    memset(d, 0, sizeof *d);
    OK(arena_create("test", &d->arena));
    row_styles_fill(variants, 2, d->rows);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            d->points[i][j] = chart_point_at(j, 2 + i + 0.1 * j);
            d->points[i][j].y_low = 1.9 + i;
            d->points[i][j].y_high = 2.2 + i;
        }
        d->series[i] = (chart_series){.name = i ? "it's <b>" : "dense",
            .row = i,
            .look = LOOK_LINE,
            .labeled = true,
            .count = 3,
            .points = d->points[i]};
    }
    d->chart = (chart){.x_label = "x",
        .y_label = "y",
        .width = CHART_WIDTH,
        .height = CHART_HEIGHT,
        .x_high = 2,
        .x_decimals = -1,
        .label_letters = 8,
        .rows = d->rows,
        .row_count = 2,
        .series = d->series,
        .count = 2,
        .baseline_name = "counts",
        .baseline = baseline};
    chart_fit_y(&d->chart, (value_range){1.9, 3.2});
    d->figure = (figure){.name = "chart", .title = "a \"title\"", .caption = "", .page_only = true};
    OK(directory_make(in_root("figures")));
}

static void draw(drawn *d) {
    OK(chart_draw(d->arena, in_root("figures"), &d->chart, &d->figure));
    assert_non_null(d->figure.svg);
}

static void end(drawn *d) {
    arena_destroy(d->arena);
}

static void a_chart_takes_its_colours_from_the_page(void **state) {
    (void)state;
    drawn d;
    begin(&d, NAN);
    draw(&d);
    assert_non_null(strstr(d.figure.svg, "var(--row-0)"));
    assert_non_null(strstr(d.figure.svg, "var(--row-1)"));
    assert_null(strstr(d.figure.svg, "<title"));
    assert_null(strstr(d.figure.svg, "<b>"));
    assert_non_null(strstr(d.figure.svg, "s &lt;b"));
    assert_non_null(strstr(d.figure.svg, "aria-label=\"a &quot;title&quot;\""));
    assert_false(path_exists(in_root("figures/chart.svg"))); // the page alone has it
    end(&d);
}

static void a_file_has_the_figures_title_alone(void **state) {
    (void)state;
    drawn d;
    begin(&d, NAN);
    d.figure.page_only = false;
    draw(&d);
    char *svg = read_text(in_root("figures/chart.svg"));
    char *title = strstr(svg, "<title>");
    assert_non_null(title);
    assert_memory_equal(title, "<title>a &quot;title&quot;</title>", 34);
    assert_null(strstr(title + 1, "<title>"));
    assert_null(strstr(svg, "var("));
    free(svg);
    assert_true(path_exists(in_root("figures/chart.png")));
    end(&d);
}

static void its_values_are_json(void **state) {
    (void)state;
    drawn d;
    begin(&d, NAN);
    d.points[1][2].y = NAN;
    draw(&d);
    assert_null(strchr(d.figure.values, '<')); // it stands in a script element
    json_t *values = json_loads(d.figure.values, 0, NULL);
    assert_non_null(values);
    const json_t *series = json_object_get(values, "series"), *second = json_array_get(series, 1);
    assert_int_equal(json_array_size(series), 2);
    assert_string_equal(json_string_value(json_object_get(second, "name")), "it's <b>");
    assert_string_equal(json_string_value(json_object_get(second, "color")), "--row-1");
    const json_t *point = json_array_get(json_object_get(second, "points"), 1);
    assert_int_equal(json_array_size(point), 4);
    assert_near(json_number_value(json_array_get(point, 1)), 3.1, 1e-6);
    assert_near(json_number_value(json_array_get(point, 3)), 3.2, 1e-6);
    point = json_array_get(json_object_get(second, "points"), 2);
    assert_true(json_is_null(json_array_get(point, 1)));
    json_decref(values);
    end(&d);
}

static void a_baseline_squashes_nothing(void **state) {
    (void)state;
    static const struct {
        double baseline;
        const char *name; // as it stands in the figure
    } cases[] = {{2.5, ">counts<"}, {1.6, ">counts<"}, {40, "↑ counts"}, {-3, "↓ counts"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        drawn d;
        begin(&d, cases[i].baseline);
        assert_true(d.chart.y_high - d.chart.y_low < 2.5);
        draw(&d);
        if (!strstr(d.figure.svg, cases[i].name))
            print_error("%g: no %s\n", cases[i].baseline, cases[i].name);
        assert_non_null(strstr(d.figure.svg, cases[i].name));
        end(&d);
    }
}

static void a_heat_map_has_the_pages_ramp(void **state) {
    (void)state;
    drawn d;
    begin(&d, NAN);
    const double cells[6] = {0, 1, 2, 3, 4, 5};
    const int64_t steps[3] = {0, 25, 50};
    const heat_map map = {.x_label = "step",
        .y_label = "expert",
        .label = "%",
        .rows = 2,
        .columns = 3,
        .cells = cells,
        .highest = 5,
        .x_values = steps};
    OK(heat_map_draw(d.arena, in_root("figures"), &map, &d.figure));
    assert_non_null(strstr(d.figure.svg, "var(--heat-0)"));
    assert_non_null(strstr(d.figure.svg, "var(--heat-31)"));
    json_t *values = json_loads(d.figure.values, 0, NULL);
    assert_non_null(values);
    const json_t *row = json_array_get(json_object_get(values, "cells"), 1);
    assert_near(json_number_value(json_array_get(row, 2)), 5, 0);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(values, "columns"), 2)), 50);
    json_decref(values);
    end(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_chart_takes_its_colours_from_the_page),
        cmocka_unit_test(a_file_has_the_figures_title_alone), cmocka_unit_test(its_values_are_json),
        cmocka_unit_test(a_baseline_squashes_nothing), cmocka_unit_test(a_heat_map_has_the_pages_ramp)};
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
