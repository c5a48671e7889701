// Sizes solved for equal parameters: the paper's numbers, and the edges.
#include "model/size.h"
#include "paper/presets.h"
#include "compare/variant.h"
#include "model/match_parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static model_config base_named(const char *name) {
    preset p;
    assert_int_equal(preset_named(name, &p), SIGMOE_OK);
    return p.config;
}

static model_config variant_of(const char *base, const char *variant) {
    model_config config = base_named(base);
    variant_choice choice;
    if (variant_choose(variant, &config, &choice) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    return choice.model;
}

static int64_t total(const model_config *config) {
    int64_t count = 0;
    assert_int_equal(model_parameter_count(config, &count), SIGMOE_OK);
    return count;
}

static void dense_sizes_are_the_papers(void **state) {
    (void)state;
    static const struct {
        const char *base;
        int64_t d_ff;
    } cases[] = {{"wt-s-moe", 2053}, {"wt-b-moe", 4109}, {"e8-moe", 2053}, {"wt-s-star-moe", 16428}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(variant_of(cases[i].base, "dense").ff.dense.d_ff, cases[i].d_ff);
        assert_int_equal(variant_of(cases[i].base, "topk").ff.topk.d_ff, cases[i].d_ff);
    }
}

static void pkm_sizes_are_the_papers(void **state) {
    (void)state;
    static const struct {
        const char *base;
        int64_t matched, by_value;
    } cases[] = {{"wt-s-moe", 62, 46}, {"wt-b-moe", 89, 64}, {"e8-moe", 62, 46}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(variant_of(cases[i].base, "pkm-relu").ff.pkm.n_subkeys, cases[i].matched);
        assert_int_equal(variant_of(cases[i].base, "pkm-softmax").ff.pkm.n_subkeys, cases[i].matched);
        // Before matching, the row has the smallest square that holds the base's channels.
        model_config base = base_named(cases[i].base), by_value;
        assert_int_equal(paper_variant_apply(paper_variant_named("pkm-relu"), &base, &by_value), SIGMOE_OK);
        assert_int_equal(by_value.ff.pkm.n_subkeys, cases[i].by_value);
        assert_true(total(&by_value) < total(&base));
    }
}

static void totals_are_the_papers(void **state) {
    (void)state;
    static const struct {
        const char *base, *variant;
        int64_t parameters;
    } cases[] = {{"wt-s-moe", "dense", 47260120}, {"wt-s-moe", "sigma-moe", 47260232},
        {"wt-b-moe", "dense:d_ff=4110", 262479950}, {"wt-b-moe", "sigma-moe", 262461266},
        {"e8-moe", "dense", 41234709}, {"e8-moe", "sigma-moe", 41240793},
        {"wt-s-star-moe", "dense:d_ff=16480", 237696520}, {"wt-s-star-moe", "sigma-moe", 237004360}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config model = variant_of(cases[i].base, cases[i].variant);
        assert_int_equal(total(&model), cases[i].parameters);
    }
}

// No other size is nearer.
static void no_neighbour_is_nearer(void **state) {
    (void)state;
    static const char *const variants[] = {"dense", "topk", "pkm-relu"};
    static const char *const bases[] = {"wt-s-moe", "wt-b-moe", "e8-moe", "demo"};
    for (size_t b = 0; b < sizeof bases / sizeof *bases; b++)
        for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
            model_config base = base_named(bases[b]), model = variant_of(bases[b], variants[i]);
            int64_t *size = (int64_t *)((char *)&model.ff + matched_option(model.variant)->offset);
            int64_t chosen = *size, target = total(&base), off = llabs(total(&model) - target);
            *size = chosen + 1;
            assert_true(llabs(total(&model) - target) >= off);
            *size = chosen - 1;
            assert_true(llabs(total(&model) - target) > off);
        }
}

static model_config small_dense(int64_t d_ff) {
    model_config config = variant_of("demo", "dense");
    config.ff.dense.d_ff = d_ff;
    return config;
}

static void of_two_equally_near_the_lower(void **state) {
    (void)state;
    model_config ten = small_dense(10), eleven = small_dense(11), solved = small_dense(500);
    int64_t step = total(&eleven) - total(&ten);
    assert_int_equal(step % 2, 0); // two layers
    assert_int_equal(match_parameters(total(&ten) + step / 2, &solved), SIGMOE_OK);
    assert_int_equal(solved.ff.dense.d_ff, 10);
    assert_int_equal(match_parameters(total(&ten) + step / 2 + 1, &solved), SIGMOE_OK);
    assert_int_equal(solved.ff.dense.d_ff, 11);
}

static void exact_targets_and_the_smallest_size(void **state) {
    (void)state;
    for (int64_t d_ff = 1; d_ff < 40; d_ff++) {
        model_config wanted = small_dense(d_ff), solved = small_dense(7);
        assert_int_equal(match_parameters(total(&wanted), &solved), SIGMOE_OK);
        assert_int_equal(solved.ff.dense.d_ff, d_ff);
    }
    model_config solved = small_dense(7);
    assert_int_equal(match_parameters(1, &solved), SIGMOE_OK);
    assert_int_equal(solved.ff.dense.d_ff, 1);
}

static void a_mixture_has_nothing_to_solve(void **state) {
    (void)state;
    model_config base = base_named("wt-s-moe"), same = base;
    assert_null(matched_option(base.variant));
    assert_int_equal(match_parameters(1, &same), SIGMOE_OK);
    assert_memory_equal(&same, &base, sizeof base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_sizes_are_the_papers),
        cmocka_unit_test(pkm_sizes_are_the_papers),
        cmocka_unit_test(totals_are_the_papers),
        cmocka_unit_test(no_neighbour_is_nearer),
        cmocka_unit_test(of_two_equally_near_the_lower),
        cmocka_unit_test(exact_targets_and_the_smallest_size),
        cmocka_unit_test(a_mixture_has_nothing_to_solve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
