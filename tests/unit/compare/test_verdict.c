// What a comparison says of its scores: an n-gram that is better comes first, noise is a tie, few seeds are no verdict.
#include "compare/claims.h"
#include "compare/verdict.h"

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
    comparison_plan plan;
    comparison_result c;
    variant_summary *rows;
    verdict said;
} example;

static run_result scored(double perplexity) {
    return (run_result){.test = {.perplexity = perplexity}, .valid = {.perplexity = perplexity}};
}

// Dense, Top-K and σ-MoE; `ngram` 0: none.
static void judge(example *e, int seeds, const double scores[VARIANTS][SEEDS], double ngram) {
    static const char *const names[VARIANTS] = {"dense", "topk", "sigma-moe"};
    static const sigmoe_compare_request request;
    *e = (example){0};
    e->plan = (comparison_plan){.request = &request,
        .variants = e->variants,
        .variant_count = VARIANTS,
        .seed_count = seeds,
        .runs = e->runs};
    e->c = (comparison_result){.plan = &e->plan,
        .runs = e->results,
        .ngram = {.known = ngram > 0, .test = {.perplexity = ngram}, .valid = {.perplexity = ngram}}};
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
    assert_int_equal(verdict_of(&e->c, e->rows, &e->said), SIGMOE_OK);
}

static void says(const example *e, int sentence, const char *part) {
    if (sentence >= e->said.count) fail_msg("%d sentences; none with: %s", e->said.count, part);
    if (!strstr(e->said.sentence[sentence], part))
        fail_msg("\"%s\" is not in: %s", part, e->said.sentence[sentence]);
}

static void never_says(const example *e, const char *part) {
    for (int i = 0; i < e->said.count; i++)
        if (strstr(e->said.sentence[i], part)) fail_msg("\"%s\" is in: %s", part, e->said.sentence[i]);
}

static standing *standings(const example *e) {
    standing *all;
    assert_int_equal(standings_of(&e->c, e->rows, test_scores, &all), SIGMOE_OK);
    return all;
}

static void within_noise_is_a_tie(void **state) {
    (void)state;
    example e;
    // Within each other's noise; then Top-K far behind.
    judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {10.1, 10.9, 12.1}, {10.2, 10.7, 11.9}}, 0);
    says(&e, 0, "a tie: dense, topk and sigma-moe lie within noise (means 10.933 to 11.033 perplexity");
    says(&e, 1, "σ-MoE, at 25 % of the multiply-adds, ties with dense");
    never_says(&e, "'s, "); // whose it is
    assert_true(standings(&e)[0] == STANDING_TIED && standings(&e)[2] == STANDING_BEST);
    arena_destroy(e.c.arena);
    judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {20.1, 21, 22.1}, {10.2, 10.7, 11.9}}, 50);
    says(&e, 0, "a tie: dense and sigma-moe lie");
    says(&e, 0, "Worse beyond the noise: topk.");
    assert_int_equal(standings(&e)[1], STANDING_WORSE);
    arena_destroy(e.c.arena);
}

static void beyond_noise_one_is_best(void **state) {
    (void)state;
    example e;
    judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, 0);
    says(&e, 0, "The best test score is sigma-moe's, 10.033 ± 1.002 perplexity");
    says(&e, 0, "Worse beyond the noise: dense and topk.");
    says(&e, 1, "scores 8.8 % better (lower) than dense, beyond the noise");
    arena_destroy(e.c.arena);
}

static void few_seeds_are_no_verdict(void **state) {
    (void)state;
    example e;
    for (int seeds = 1; seeds < LEAST_PAIRS; seeds++) {
        judge(&e, seeds, (const double[][SEEDS]){{10, 11}, {20, 21}, {30, 31}}, 40);
        assert_int_equal(e.said.count, 1);
        says(
            &e, 0, seeds == 1 ? "No verdict on quality from 1 seed:" : "No verdict on quality from 2 seeds:");
        for (int i = 0; i < VARIANTS; i++) assert_int_equal(standings(&e)[i], STANDING_UNJUDGED);
        arena_destroy(e.c.arena);
    }
    // Two of σ-MoE's four runs failed: the others are judged, and this is said.
    judge(&e, 4, (const double[][SEEDS]){{10, 11, 12, 13}, {11, 12, 13.1, 14}, {NAN, 1, 2, INFINITY}}, 0);
    says(&e, 0, "2 of 12 runs have no score.");
    says(&e, 1, "The best test score is dense's");
    says(&e, 1, "Not judged, for want of seeds with a score: sigma-moe.");
    never_says(&e, "σ-MoE");
    arena_destroy(e.c.arena);
}

static void a_better_ngram_comes_first(void **state) {
    (void)state;
    example e;
    judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, 5);
    assert_int_equal(e.said.count, 1);
    says(&e, 0, "The order-3 n-gram, at 5.000 perplexity, has a better test score than every model");
    for (int i = 0; i < VARIANTS; i++) assert_int_equal(standings(&e)[i], STANDING_UNJUDGED);
    arena_destroy(e.c.arena);
    judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, 10.5);
    says(&e, 0, "has a better test score than dense and topk.");
    says(&e, 1, "The best test score is sigma-moe's");
    arena_destroy(e.c.arena);
    judge(&e, 1, (const double[][SEEDS]){{10}, {11}, {9}}, 5);
    assert_int_equal(e.said.count, 1);
    says(&e, 0, "n-gram");
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
        judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {11, 12, 13.1}, {9, 10.1, 11}}, cases[i].ngram);
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
    judge(&e, 3, (const double[][SEEDS]){{10, 11, 12}, {NAN, NAN, NAN}, {NAN, NAN, NAN}}, 0);
    assert_int_equal(e.said.count, 1);
    says(&e, 0, "6 of 9 runs have no score.");
    arena_destroy(e.c.arena);
    judge(&e, 1, (const double[][SEEDS]){{NAN}, {NAN}, {NAN}}, 5);
    assert_int_equal(result_runs_without_score(&e.c), 3);
    assert_int_equal(e.said.count, 1);
    arena_destroy(e.c.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_noise_is_a_tie),
        cmocka_unit_test(beyond_noise_one_is_best),
        cmocka_unit_test(few_seeds_are_no_verdict),
        cmocka_unit_test(a_better_ngram_comes_first),
        cmocka_unit_test(claims_are_withheld_from_what_has_not_learned),
        cmocka_unit_test(nothing_to_compare_is_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
