// What a comparison says of its scores: an n-gram that is better comes first, noise is a tie, few seeds are no verdict.
#include "compare/claims.h"
#include "compare/conclusion.h"
#include "compare/power.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { VARIANTS = 3, SEEDS = 4 };

typedef struct example {
    compared_variant variants[VARIANTS];
    run_result results[VARIANTS * SEEDS];
    planned_run runs[VARIANTS * SEEDS];
    sigmoe_compare_request request;
    comparison_plan plan;
    comparison_result c;
    variant_summary *rows;
    judgement judged;
    const char *said, *power;
} example;

static run_result scored(double perplexity) {
    return (run_result){.test = {.perplexity = perplexity}, .valid = {.perplexity = perplexity}};
}

// Dense, Top-K and σ-MoE; `ngram` 0: none.
static void conclude(example *e, int seeds, const double scores[VARIANTS][SEEDS], double ngram) {
    static const char *const names[VARIANTS] = {"dense", "topk", "sigma-moe"};
    *e = (example){.request = {.margin = 0.005, .settings = {.lr = 0.001}}};
    e->plan = (comparison_plan){.request = &e->request,
        .look = 1,
        .variants = e->variants,
        .variant_count = VARIANTS,
        .seed_count = seeds,
        .runs = e->runs};
    e->c = (comparison_result){.plan = &e->plan,
        .runs = e->results,
        .ngram = {
            .known = ngram > 0, .order = 3, .test = {.perplexity = ngram}, .valid = {.perplexity = ngram}}};
    for (int i = 0; i < VARIANTS; i++) {
        e->variants[i] = (compared_variant){.label = names[i],
            .paper = paper_variant_named(names[i]),
            .seeds = seeds,
            .flops_share = 0.25,
            .published = NAN};
        for (int s = 0; s < seeds; s++) {
            e->results[i * seeds + s] = scored(scores[i][s]);
            e->runs[e->plan.run_count++] = (planned_run){i, s};
        }
    }
    assert_int_equal(arena_create("verdict", &e->c.arena), SIGMOE_OK);
    assert_int_equal(summarize_variants(&e->c, &e->rows), SIGMOE_OK);
    assert_int_equal(judge(&e->c, e->rows, test_scores, &e->judged), SIGMOE_OK);
    assert_int_equal(conclusion_of(&e->c, e->rows, &e->judged, &e->said), SIGMOE_OK);
    assert_int_equal(power_text(&e->c, &e->judged, &e->power), SIGMOE_OK);
}

static void says(const example *e, const char *part) {
    if (!strstr(e->said, part)) fail_msg("\"%s\" is not in: %s", part, e->said);
}

static void never_says(const example *e, const char *part) {
    if (strstr(e->said, part)) fail_msg("\"%s\" is in: %s", part, e->said);
}

static bool none_leads(const example *e) {
    bool some = e->judged.best >= 0;
    for (int i = 0; i < VARIANTS; i++) some |= e->judged.leads[i];
    return !some;
}

static void within_noise_is_a_tie(void **state) {
    (void)state;
    example e;
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {10.1, 10.9, 12.1}, {10.2, 10.7, 11.9}}, 0);
    says(&e, "dense, topk and sigma-moe cannot be told apart (±0.");
    says(&e, "sigma-moe costs least: 25 % of the multiply-adds");
    never_says(&e, "best test score");
    never_says(&e, "worse");
    assert_true(e.judged.leads[0] && e.judged.leads[1] && e.judged.leads[2]);
    assert_non_null(strstr(e.power, "3 pairs that matter are undecided"));
    arena_destroy(e.c.arena);
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {20.1, 21, 22.1}, {10.2, 10.7, 11.9}}, 50);
    says(&e, "dense and sigma-moe cannot be told apart");
    says(&e, "topk is worse than sigma-moe by 10.");
    assert_false(e.judged.leads[1]);
    arena_destroy(e.c.arena);
}

static void beyond_noise_one_is_best(void **state) {
    (void)state;
    example e;
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, 0);
    says(
        &e, "sigma-moe has the best test score, 10.033 ± 1.0 perplexity. It takes 25 % of the multiply-adds");
    says(&e, "dense and topk are worse than sigma-moe by 0.97 to 2.0. Use sigma-moe.");
    says(&e, "95 % intervals of differences paired by seed, corrected for 3 rows; variance pooled");
    says(&e, "All rows share one learning rate, 0.001");
    assert_non_null(strstr(e.power, "Every pair that matters is decided."));
    arena_destroy(e.c.arena);
}

static void within_the_margin_rows_are_equal(void **state) {
    (void)state;
    example e;
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {10.001, 11, 12.001}, {15, 16, 17.001}}, 0);
    says(&e, "dense and topk are equal within the margin of 0.5 % (±0.00");
    assert_int_equal(e.judged.pairs[0].verdict, PAIR_EQUAL);
    arena_destroy(e.c.arena);
}

// What costs least of the leading rows is what to use; where fewer multiply-adds take longer, both are named.
static void the_cheapest_of_equals_is_recommended(void **state) {
    (void)state;
    example e;
    const double scores[][SEEDS] = {{10, 11, 12}, {10.1, 10.9, 12.1}, {10.2, 10.7, 11.9}};
    static const double seconds[2][VARIANTS] = {{3, 2, 1}, {1, 2, 3}};
    for (int slow = 0; slow < 2; slow++) {
        conclude(&e, 3, scores, 0);
        for (int i = 0; i < VARIANTS; i++) {
            e.variants[i].flops_share = i == 0 ? 1 : i == 1 ? 0.6 : 0.25;
            for (int s = 0; s < 3; s++)
                e.results[i * 3 + s].feedforward_seconds =
                    (quartiles){seconds[slow][i], seconds[slow][i], seconds[slow][i]};
        }
        assert_int_equal(summarize_variants(&e.c, &e.rows), SIGMOE_OK);
        assert_int_equal(conclusion_of(&e.c, e.rows, &e.judged, &e.said), SIGMOE_OK);
        says(&e, slow ? "Of these, sigma-moe costs the fewest multiply-adds (25 %"
                      : "Of these, sigma-moe costs least: 25 %");
        says(&e, slow ? "and dense the least time (100 % of the multiply-adds"
                      : "33 % (33–33) of dense's FF time");
        says(&e, slow ? "Use dense on machines like this one, sigma-moe where" : "Use sigma-moe.");
        arena_destroy(e.c.arena);
    }
}

static void few_seeds_are_no_verdict(void **state) {
    (void)state;
    example e;
    for (int seeds = 1; seeds < LEAST_PAIRS; seeds++) {
        conclude(&e, seeds, (const double[][SEEDS]){{10, 11}, {20, 21}, {30, 31}}, 40);
        says(&e, seeds == 1 ? "No verdict on quality from 1 seed:" : "No verdict on quality from 2 seeds:");
        never_says(&e, "Use");
        assert_true(none_leads(&e));
        assert_string_equal(e.power, seeds == 1 ? "2 more seeds would be the least for a verdict."
                                                : "1 more seed would be the least for a verdict.");
        arena_destroy(e.c.arena);
    }
    // Two of σ-MoE's four runs failed: the others are judged, and this is said.
    conclude(&e, 4, (const double[][SEEDS]){{10, 11, 12, 13}, {11, 12, 13.1, 14}, {NAN, 1, 2, INFINITY}}, 0);
    says(&e, "2 of 12 runs have no score. dense has the best test score");
    says(&e, "Not judged, for want of seeds with a score: sigma-moe.");
    arena_destroy(e.c.arena);
}

static void a_better_ngram_comes_first(void **state) {
    (void)state;
    example e;
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, 5);
    says(&e,
        "The order-3 n-gram (5.000 perplexity) beats every model: none has learned enough to be compared.");
    never_says(&e, "Use");
    assert_true(none_leads(&e));
    assert_int_equal(e.judged.pairs[0].verdict, PAIR_UNDECIDED);
    assert_string_equal(e.power, "");
    arena_destroy(e.c.arena);
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, 10.5);
    says(&e, "beats dense and topk: they have not learned enough to be compared. sigma-moe has the best");
    arena_destroy(e.c.arena);
    conclude(&e, 1, (const double[][SEEDS]){{10}, {11}, {9}}, 5);
    says(&e, "n-gram");
    arena_destroy(e.c.arena);
}

// The rows of a claim: both worse than the n-gram, one of them, none.
static void claims_are_withheld_from_what_has_not_learned(void **state) {
    (void)state;
    static const struct {
        double ngram;
        claim_verdict verdict;
    } cases[] = {{5, CLAIM_WITHHELD}, {10.5, CLAIM_HOLDS}, {50, CLAIM_HOLDS}, {0, CLAIM_HOLDS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        example e;
        claim_results claims;
        conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, cases[i].ngram);
        assert_int_equal(claims_of(&e.c, &claims), SIGMOE_OK);
        assert_string_equal(claims.results[0].claim->worse, "dense");
        assert_int_equal(claims.results[0].verdict, cases[i].verdict);
        arena_destroy(e.c.arena);
    }
    assert_non_null(strstr(claim_verdict_text(CLAIM_WITHHELD), "n-gram"));
}

static void nothing_to_compare_is_not_compared(void **state) {
    (void)state;
    example e;
    conclude(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {NAN, NAN, NAN}, {NAN, NAN, NAN}}, 0);
    assert_string_equal(e.said, "6 of 9 runs have no score.");
    arena_destroy(e.c.arena);
    conclude(&e, 1, (const double[][SEEDS]){{NAN}, {NAN}, {NAN}}, 5);
    assert_int_equal(result_runs_without_score(&e.c), 3);
    assert_string_equal(e.said, "3 of 3 runs have no score.");
    arena_destroy(e.c.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_noise_is_a_tie),
        cmocka_unit_test(beyond_noise_one_is_best),
        cmocka_unit_test(within_the_margin_rows_are_equal),
        cmocka_unit_test(the_cheapest_of_equals_is_recommended),
        cmocka_unit_test(few_seeds_are_no_verdict),
        cmocka_unit_test(a_better_ngram_comes_first),
        cmocka_unit_test(claims_are_withheld_from_what_has_not_learned),
        cmocka_unit_test(nothing_to_compare_is_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
