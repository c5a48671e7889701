// What a comparison knows before it trains: the paper's score for the same row and base, shares of FLOPs, sizes.
#include "train/fixture.h"

#include "compare/plan.h"

static int make_longer_data(void **state) {
    if (make_root(state) != 0) return -1;
    write_split(in_root("data"), "train", 1200, 1); // two segments of the larger base
    return 0;
}

typedef struct planned {
    sigmoe_config *base;
    sigmoe_compare_request request;
    arena *arena;
    comparison_plan plan;
} planned;

static void plan(planned *p, const char *preset, const char *name, const char *variant) {
    static const char *words[1];
    words[0] = variant;
    OK(sigmoe_config_from_preset(preset, &p->base));
    sigmoe_compare_defaults(p->base, &p->request);
    p->request.data = in_root("data");
    p->request.out = in_root("out");
    p->request.base_name = name;
    p->request.variants = words;
    p->request.variant_count = 1;
    p->request.settings.batch = 1;
    OK(arena_create("plan", &p->arena));
    OK(plan_comparison(&p->request, NULL, NULL, p->arena, &p->plan));
}

static void drop(planned *p) {
    arena_destroy(p->arena);
    sigmoe_config_free(p->base);
}

static double published(const char *base, const char *variant) {
    planned p;
    plan(&p, base, base, variant);
    double score = p.plan.variants[0].published;
    drop(&p);
    return score;
}

static void the_papers_score_of_the_same_row(void **state) {
    (void)state;
    static const struct {
        const char *base, *variant;
        double score;
    } cases[] = {{"wt-s-moe", "dense", 11.81}, {"wt-s-moe", "sigma-moe", 11.71},
        {"wt-s-moe@code", "sigma-moe", 11.59}, {"wt-s-moe", "switch", 12.27}, {"wt-s-moe", "topk", 11.68},
        {"wt-s-moe", "topk:k=512", 11.68}, {"wt-b-moe", "topk:k=128", 9.26}, {"c4-s-moe", "s-base-k4", 35.48},
        {"wt-s-moe", "pkm-relu", 12.77}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_near(published(cases[i].base, cases[i].variant), cases[i].score, 1e-12);
}

static void no_score_for_another_row(void **state) {
    (void)state;
    assert_true(isnan(published("wt-s-moe", "topk:k=64")));
    assert_true(isnan(published("wt-b-moe", "topk"))); // K·G is 512, the paper's 128
    assert_true(isnan(published("wt-s-moe", "hash")));
    assert_true(isnan(published("wt-s-moe", "switch:dropout=0.4")));
    assert_true(isnan(published("e8-moe", "dense"))); // bits per character, of other data than bytes
    assert_true(isnan(published("demo", "dense")));
}

static void no_score_for_another_base(void **state) {
    (void)state;
    planned p;
    plan(&p, "wt-s-moe", "./mine.json", "dense");
    assert_true(isnan(p.plan.variants[0].published));
    drop(&p);
    plan(&p, "wt-s-moe", "wt-s-moe", "dense");
    OK(sigmoe_config_set(p.base, "n_layers", "15"));
    OK(plan_comparison(&p.request, NULL, NULL, p.arena, &p.plan));
    assert_true(isnan(p.plan.variants[0].published));
    drop(&p);
}

static void shares_are_of_the_bases_channels(void **state) {
    (void)state;
    static const struct {
        const char *variant;
        double share;
    } cases[] = {{"sigma-moe", 0.25}, {"switch", 0.25}, {"switch-k1", 0.0625}, {"dense", 2053.0 / 2048},
        {"dense:d_ff=1024", 0.5}, {"topk:d_ff=2048:k=512", 0.625}, {"2k", 0.5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        planned p;
        plan(&p, "wt-s-moe", "wt-s-moe", cases[i].variant);
        assert_near(p.plan.variants[0].flops_share, cases[i].share, 1e-9);
        drop(&p);
    }
}

static void the_vocabulary_is_the_datas(void **state) {
    (void)state;
    planned p;
    plan(&p, "wt-s-moe", "wt-s-moe", "dense");
    assert_int_equal(p.plan.variants[0].config.model.vocab_size, VOCABULARY);
    assert_int_equal(p.plan.base.model.vocab_size, VOCABULARY);
    int64_t base = p.plan.base_parameters, dense = p.plan.variants[0].parameters;
    assert_true(llabs(dense - base) <= 16 * 825 / 2); // half a channel in each layer
    drop(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_score_of_the_same_row),
        cmocka_unit_test(no_score_for_another_row),
        cmocka_unit_test(no_score_for_another_base),
        cmocka_unit_test(shares_are_of_the_bases_channels),
        cmocka_unit_test(the_vocabulary_is_the_datas),
    };
    return cmocka_run_group_tests(tests, make_longer_data, remove_root);
}
