// Intervals of pairs against an analysis of variance worked out elsewhere, and simulated comparisons: how often are rows that
// are equal in truth told apart?
#include "compare/judgement.h"

#include "base/random.h"
#include "compare/power.h"
#include "compare/studentized_range.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g is not %.9g", value, expected);
}

// Computed with scipy.stats.studentized_range.
static void quantiles_are_those_of_scipy(void **state) {
    (void)state;
    static const struct {
        double probability, freedom, quantile;
        int groups;
    } known[] = {{.95, 10, 3.876776750, 3}, {.95, 1e5, 2.771841199, 2}, {.95, 20, 4.231856749, 5},
        {.95, 5, 6.994697768, 10}, {.95, 2, 8.330782646, 3}, {.99, 8, 6.203835054, 4},
        {.95, 1, 62.678583373, 25}, {.9995, 2, 85.465164870, 3}, {.975, 48, 5.844995751, 25},
        {.99, 1000, 6.669199302, 100}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_near(studentized_range_quantile(known[i].probability, known[i].groups, known[i].freedom),
            known[i].quantile, 1e-8 * known[i].quantile + 5e-9);
    assert_near(student_quantile(.8, 4), 0.940964577, 1e-8);
}

enum { ROWS = 3, SEEDS = 4 };

static arena *fresh(void) {
    arena *a;
    assert_int_equal(arena_create("judgement", &a), SIGMOE_OK);
    return a;
}

static judgement judged(arena *a, int rows, int seeds, const double *scores, double error, double margin) {
    judgement j;
    const judgement_rules rules = {error, margin};
    assert_int_equal(judge_scores(&(score_table){rows, seeds, scores}, &rules, a, &j), SIGMOE_OK);
    return j;
}

static void assert_pair(const variant_pair *p, double difference, double low, double high, pair_verdict v) {
    assert_near(p->difference, difference, 1e-9);
    assert_near(p->low, low, 1e-8);
    assert_near(p->high, high, 1e-8);
    assert_int_equal(p->verdict, v);
}

static const double table[ROWS * SEEDS] = {
    2.40, 2.43, 2.41, 2.44, 2.42, 2.44, 2.43, 2.45, 2.50, 2.49, 2.52, 2.53};

// The residual mean square of rows and seeds is 1.3333e-4 with 6 degrees of freedom; two pairs vary more than twice that.
static void intervals_are_those_of_an_analysis_of_variance(void **state) {
    (void)state;
    arena *a = fresh();
    judgement j = judged(a, ROWS, SEEDS, table, 0.05, 0.001);
    assert_int_equal(j.pair_count, 3);
    assert_true(j.pooled);
    assert_pair(&j.pairs[0], 0.015, -0.010052356764, 0.040052356764, PAIR_UNDECIDED);
    assert_pair(&j.pairs[1], 0.09, 0.056858847123, 0.123141152877, PAIR_BETTER);
    assert_pair(&j.pairs[2], 0.075, 0.048427962971, 0.101572037029, PAIR_BETTER);
    assert_int_equal(j.best, 0);
    assert_true(j.leads[0] && j.leads[1] && !j.leads[2]);
    assert_int_equal(open_pairs(&j), 1);
    for (int row = 0; row < ROWS; row++)
        for (int other = 0; other < ROWS; other++) {
            if (row == other) continue;
            const variant_pair *p = judgement_pair(&j, ROWS, row, other);
            assert_true((p->a == row && p->b == other) || (p->a == other && p->b == row));
        }
    arena_destroy(a);
}

// Of two rows the interval is that of a paired t test.
static void two_rows_are_a_paired_t_test(void **state) {
    (void)state;
    arena *a = fresh();
    judgement j = judged(a, 2, SEEDS, table, 0.05, 0.001);
    assert_pair(&j.pairs[0], 0.015, 0.005813068845, 0.024186931155, PAIR_BETTER);
    assert_false(j.pooled);
    arena_destroy(a);
}

static void a_margin_makes_rows_equal(void **state) {
    (void)state;
    arena *a = fresh();
    judgement j = judged(a, ROWS, SEEDS, table, 0.05, 0.02); // ± 0.0486 at the first two rows' mean
    assert_int_equal(j.pairs[0].verdict, PAIR_EQUAL);
    assert_int_equal(j.pairs[1].verdict, PAIR_BETTER);
    assert_int_equal(open_pairs(&j), 0);
    assert_true(j.leads[0] && j.leads[1]);
    arena_destroy(a);
}

static void the_order_of_rows_does_not_matter(void **state) {
    (void)state;
    arena *a = fresh();
    double turned[ROWS * SEEDS];
    for (int i = 0; i < ROWS; i++)
        for (int s = 0; s < SEEDS; s++) turned[i * SEEDS + s] = table[(ROWS - 1 - i) * SEEDS + s];
    judgement j = judged(a, ROWS, SEEDS, turned, 0.05, 0.001);
    assert_pair(judgement_pair(&j, ROWS, 0, 2), -0.09, -0.123141152877, -0.056858847123, PAIR_WORSE);
    assert_int_equal(j.best, 2);
    assert_true(!j.leads[0] && j.leads[1] && j.leads[2]);
    arena_destroy(a);
}

static void missing_scores_leave_what_can_be_judged(void **state) {
    (void)state;
    arena *a = fresh();
    double scores[ROWS * SEEDS];
    memcpy(scores, table, sizeof scores);
    scores[2 * SEEDS] = scores[2 * SEEDS + 1] = NAN; // two of the last row's: two seeds in common are too few
    judgement j = judged(a, ROWS, SEEDS, scores, 0.05, 0.001);
    assert_int_equal(j.judged_rows, 2);
    assert_int_equal(j.pairs[1].verdict, PAIR_UNJUDGED);
    assert_true(isnan(j.pairs[1].low) && !j.leads[2]);
    assert_pair(&j.pairs[0], 0.015, 0.005813068845, 0.024186931155, PAIR_BETTER);
    j = judged(a, 1, SEEDS, scores, 0.05, 0.001);
    assert_int_equal(j.best, -1);
    assert_int_equal(j.pair_count, 0);
    for (int i = 0; i < ROWS * SEEDS; i++) scores[i] = INFINITY;
    j = judged(a, ROWS, SEEDS, scores, 0.05, 0.001);
    assert_int_equal(j.best, -1);
    arena_destroy(a);
}

// Whose scores vary a hundred times more must not hide what the others show.
static void a_wild_row_stays_out_of_the_pool(void **state) {
    (void)state;
    arena *a = fresh();
    const double scores[4 * 3] = {2.400, 2.401, 2.402, 2.500, 2.502, 2.501, 2.401, 2.400, 2.402, 3, 900, 17};
    judgement j = judged(a, 4, 3, scores, 0.05, 0);
    assert_int_equal(judgement_pair(&j, 4, 0, 1)->verdict, PAIR_BETTER);
    assert_int_equal(judgement_pair(&j, 4, 0, 3)->verdict, PAIR_UNDECIDED);
    arena_destroy(a);
}

// ---------------------------------------------------------------- simulated comparisons

typedef struct simulation {
    int rows, first, last;   // seeds at the first and at the last look
    const double *deviation; // of each row; NULL: 1 of all
    double shift;            // of the last row: 0 makes all equal
    bool sequential;         // errors of looks that go on until it is decided; else 0.05 at every look
} simulation;

static double simulated_score(const simulation *s, int comparison, int row, int seed) {
    const random_stream noise = {.seed = 7, .step = (uint64_t)comparison, .purpose = RANDOM_TEST};
    double common = random_normal(noise, 1000 + (uint64_t)seed); // what a seed does to every row
    double own = random_normal(noise, (uint64_t)(100 * row + seed)) * (s->deviation ? s->deviation[row] : 1);
    return 100 + 2 * common + own + (row == s->rows - 1 ? s->shift : 0);
}

// Whether the comparison ends by telling rows apart, whichever look it is at.
static bool tells_apart(const simulation *s, int comparison, arena *a) {
    double scores[8 * 16];
    for (int seeds = s->first, look = 1; seeds <= s->last; seeds++, look++) {
        for (int i = 0; i < s->rows; i++)
            for (int k = 0; k < seeds; k++) scores[i * seeds + k] = simulated_score(s, comparison, i, k);
        arena_mark mark = arena_here(a);
        judgement j =
            judged(a, s->rows, seeds, scores, s->sequential ? error_of_look(look, true) : 0.05, 0.002);
        bool apart = false;
        for (int i = 0; i < j.pair_count; i++)
            apart |= j.pairs[i].verdict == PAIR_BETTER || j.pairs[i].verdict == PAIR_WORSE;
        int open = open_pairs(&j);
        arena_release(a, mark);
        if (apart) return true;
        if (open == 0) return false;
    }
    return false;
}

enum { COMPARISONS = 2000 };

static int told_apart(const simulation *s) {
    arena *a = fresh();
    int count = 0;
    for (int i = 0; i < COMPARISONS; i++) count += tells_apart(s, i, a);
    arena_destroy(a);
    return count;
}

static const double unequal[] = {1, 1, 1, 1, 4};

static void equal_rows_are_told_apart_in_one_of_twenty_at_most(void **state) {
    (void)state;
    const int most = COMPARISONS * 6 / 100;
    const simulation cases[] = {
        {.rows = 2, .first = 3, .last = 3},
        {.rows = 3, .first = 3, .last = 3},
        {.rows = 5, .first = 3, .last = 3},
        {.rows = 5, .first = 10, .last = 10, .deviation = unequal} /* not pooled */,
        {.rows = 2, .first = 3, .last = 12, .sequential = true},
        {.rows = 3, .first = 3, .last = 12, .sequential = true},
        {.rows = 5, .first = 3, .last = 9, .sequential = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int count = told_apart(&cases[i]);
        print_message("case %zu: %d of %d\n", i, count, COMPARISONS);
        if (count > most)
            fail_msg("case %zu: %d of %d equal comparisons are told apart", i, count, COMPARISONS);
    }
}

// What the test above would find if each look used 95 % intervals.
static void looking_often_at_95_percent_would_deceive(void **state) {
    (void)state;
    int count = told_apart(&(simulation){.rows = 3, .first = 3, .last = 12});
    print_message("95 %% at each look: %d of %d\n", count, COMPARISONS);
    assert_true(count > COMPARISONS * 10 / 100);
}

static void a_large_difference_is_found(void **state) {
    (void)state;
    int found = told_apart(&(simulation){.rows = 3, .first = 3, .last = 12, .shift = 3, .sequential = true});
    assert_true(found > COMPARISONS * 90 / 100);
}

static void errors_of_all_looks_sum_to_a_twentieth(void **state) {
    (void)state;
    double sum = 0;
    for (int look = 1; look <= 100000; look++) sum += error_of_look(look, true);
    assert_near(sum, 0.05, 1e-6);
    assert_near(error_of_look(1, false), 0.05, 0);
    assert_near(error_of_look(2, false), error_of_look(2, true), 0);
}

// ---------------------------------------------------------------- more seeds

static void power_foresees_the_seeds_that_settle(void **state) {
    (void)state;
    arena *a = fresh();
    power_estimate now, later;
    judgement j = judged(a, ROWS, SEEDS, table, 0.05, 0);
    assert_int_equal(power_of(&j, SEEDS, 0.05, a, &now), SIGMOE_OK);
    assert_int_equal(now.open, 1);
    assert_int_equal(now.hardest, 0);
    assert_true(now.more_seeds > 0 && !now.beyond);
    // At the foreseen number, with the same spread, the interval just excludes 0; one seed fewer, it does not.
    for (int less = 0; less < 2; less++) {
        int seeds = SEEDS + now.more_seeds - less;
        bool pooled = seeds < POOLED_BELOW;
        double freedom = pooled ? (ROWS - 1) * (seeds - 1) : seeds - 1;
        double half = critical_value(0.05, ROWS, pooled, freedom) * sqrt(j.pairs[0].variance / seeds);
        assert_int_equal(half < 0.015, !less);
    }
    assert_int_equal(power_of(&j, SEEDS, 0.0005, a, &later), SIGMOE_OK);
    assert_true(later.more_seeds > now.more_seeds);
    // ((q + √2 t) · √(v/n)) / √2 of the middle pair, which is the last: v = 3e-4.
    assert_near(now.detectable, 0.026572037029 + 0.905703 * sqrt(3e-4 / 4), 1e-6);
    arena_destroy(a);
}

static void twins_take_more_seeds_than_anyone_has(void **state) {
    (void)state;
    arena *a = fresh();
    power_estimate p;
    const double scores[2 * 3] = {2.40, 2.42, 2.44, 2.44, 2.42, 2.40};
    judgement j = judged(a, 2, 3, scores, 0.05, 0);
    assert_int_equal(power_of(&j, 3, 0.05, a, &p), SIGMOE_OK);
    assert_true(p.beyond && p.open == 1);
    arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_scipy),
        cmocka_unit_test(intervals_are_those_of_an_analysis_of_variance),
        cmocka_unit_test(two_rows_are_a_paired_t_test),
        cmocka_unit_test(a_margin_makes_rows_equal),
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(missing_scores_leave_what_can_be_judged),
        cmocka_unit_test(a_wild_row_stays_out_of_the_pool),
        cmocka_unit_test(equal_rows_are_told_apart_in_one_of_twenty_at_most),
        cmocka_unit_test(looking_often_at_95_percent_would_deceive),
        cmocka_unit_test(a_large_difference_is_found),
        cmocka_unit_test(errors_of_all_looks_sum_to_a_twentieth),
        cmocka_unit_test(power_foresees_the_seeds_that_settle),
        cmocka_unit_test(twins_take_more_seeds_than_anyone_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
