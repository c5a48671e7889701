#include "compare/judgement.h"

#include "compare/studentized_range.h"

#include <math.h>
#include <stdlib.h>

double error_of_look(int look, bool sequential) {
    const double error = 0.05;
    return look > 1 || sequential ? error / look / (look + 1) : error;
}

const char *pair_verdict_name(pair_verdict verdict) {
    static const char *const names[] = {[PAIR_UNJUDGED] = "undecided",
        [PAIR_UNDECIDED] = "undecided",
        [PAIR_EQUAL] = "equal",
        [PAIR_BETTER] = "better",
        [PAIR_WORSE] = "worse"};
    return names[verdict];
}

// ---------------------------------------------------------------- variances

static double score(const score_table *t, int row, int seed) {
    return t->scores[row * t->seeds + seed];
}

typedef struct moments {
    int count;
    double mean, variance; // NaN with too few values
} moments;

// Of the row's scores minus those of `other`, over the seeds with both; `other` -1: of the scores themselves.
static moments moments_of(const score_table *t, int row, int other) {
    moments m = {0};
    double squares = 0; // Welford's sum
    for (int s = 0; s < t->seeds; s++) {
        double value = score(t, row, s) - (other < 0 ? 0 : score(t, other, s));
        if (!isfinite(value)) continue;
        double before = value - m.mean;
        m.mean += before / ++m.count;
        squares += before * (value - m.mean);
    }
    m.variance = m.count > 1 ? squares / (m.count - 1) : NAN;
    if (m.count == 0) m.mean = NAN;
    return m;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double lower_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count > 0 ? values[(count - 1) / 2] : NAN;
}

// How much the row varies against most others: a wild one makes every pair of its own vary, but no more than half of the
// others' pairs.
static double row_variance(const judgement *j, int row, double *room) {
    int count = 0;
    for (int i = 0; i < j->pair_count; i++) {
        const variant_pair *p = &j->pairs[i];
        if (p->seeds >= LEAST_PAIRS && (p->a == row || p->b == row)) room[count++] = p->variance;
    }
    return lower_median(room, count);
}

// The rows whose variances are pooled: all but those that vary beyond comparison, such as a model that diverged from one seed.
// Leaving out more would be worse than the fault that it mends: what looks quiet by chance would be taken for quiet.
static sigmoe_status choose_pool(const judgement *j, int rows, arena *a, bool **out) {
    static const double BEYOND_COMPARISON = 1000;
    double *variances, *sorted, *room;
    int count = 0;
    TRY(ARENA_NEW(a, *out, rows));
    TRY(ARENA_NEW(a, variances, rows));
    TRY(ARENA_NEW(a, sorted, rows));
    TRY(ARENA_NEW(a, room, rows));
    for (int i = 0; i < rows; i++) {
        variances[i] = row_variance(j, i, room);
        if (isfinite(variances[i])) sorted[count++] = variances[i];
    }
    double most = BEYOND_COMPARISON * lower_median(sorted, count);
    for (int i = 0; i < rows; i++) (*out)[i] = variances[i] <= most; // false if either is NaN
    return SIGMOE_OK;
}

typedef struct pooled_variance {
    double variance, freedom; // of a difference; 0 degrees of freedom: there are no two such rows
} pooled_variance;

// With a score in every cell, this is the analysis of variance without interaction: the mean of all pairs' variances is twice
// its residual mean square, with (rows - 1)(seeds - 1) degrees of freedom. Where cells are empty, each pair counts by its own
// seeds, and the freedom is nearly that of the analysis.
static pooled_variance pool(const judgement *j, const bool *in_pool, int rows) {
    double sum = 0, freedom = 0;
    int pooled_rows = 0;
    for (int i = 0; i < rows; i++) pooled_rows += in_pool[i];
    for (int i = 0; i < j->pair_count; i++) {
        const variant_pair *p = &j->pairs[i];
        if (p->seeds < LEAST_PAIRS || !in_pool[p->a] || !in_pool[p->b]) continue;
        sum += (p->seeds - 1) * p->variance;
        freedom += p->seeds - 1;
    }
    return (pooled_variance){sum / freedom, freedom > 0 ? 2 * freedom / pooled_rows : 0};
}

// ---------------------------------------------------------------- pairs

// Differences with their own variances.
static void measure_pairs(const score_table *t, judgement *j) {
    for (int a = 0; a < t->rows; a++)
        for (int b = a + 1; b < t->rows; b++) {
            moments m = moments_of(t, b, a);
            bool judged = m.count >= LEAST_PAIRS;
            j->pairs[j->pair_count++] = (variant_pair){.a = a,
                .b = b,
                .seeds = m.count,
                .difference = judged ? m.mean : NAN,
                .low = NAN,
                .high = NAN,
                .variance = judged ? m.variance : NAN,
                .freedom = judged ? m.count - 1 : 0,
                .margin = j->rules.margin * fabs(moments_of(t, a, -1).mean + moments_of(t, b, -1).mean) / 2};
        }
}

static int count_judged_rows(const judgement *j, int rows) {
    int count = 0;
    for (int row = 0; row < rows; row++) {
        bool judged = false;
        for (int i = 0; i < j->pair_count; i++)
            judged |= j->pairs[i].seeds >= LEAST_PAIRS && (j->pairs[i].a == row || j->pairs[i].b == row);
        count += judged;
    }
    return count;
}

// Replaces the variances of few seeds.
static void pool_variances(judgement *j, const bool *in_pool, int rows) {
    pooled_variance pooled = pool(j, in_pool, rows);
    for (int i = 0; i < j->pair_count; i++) {
        variant_pair *p = &j->pairs[i];
        if (p->seeds < LEAST_PAIRS || p->seeds >= POOLED_BELOW || !in_pool[p->a] || !in_pool[p->b]) continue;
        p->variance = fmax(p->variance, pooled.variance);
        p->freedom = pooled.freedom;
        p->pooled = true;
        j->pooled |= j->judged_rows > 2;
    }
}

static pair_verdict verdict_of(const variant_pair *p) {
    if (p->low >= -p->margin && p->high <= p->margin) return PAIR_EQUAL;
    return p->low > 0 ? PAIR_BETTER : p->high < 0 ? PAIR_WORSE : PAIR_UNDECIDED;
}

double critical_value(double error, int rows, bool pooled, double freedom) {
    if (pooled) return studentized_range_quantile(1 - error, rows, freedom) / M_SQRT2;
    return student_quantile(1 - error / (rows * (rows - 1.0)), freedom);
}

static void draw_intervals(judgement *j) {
    for (int i = 0; i < j->pair_count; i++) {
        variant_pair *p = &j->pairs[i];
        if (p->seeds < LEAST_PAIRS) continue;
        double half = critical_value(j->rules.error, j->judged_rows, p->pooled, p->freedom) *
                      sqrt(p->variance / p->seeds);
        p->low = p->difference - half;
        p->high = p->difference + half;
        p->verdict = verdict_of(p);
    }
}

// ---------------------------------------------------------------- who leads

static bool is_judged(const judgement *j, int row) {
    for (int i = 0; i < j->pair_count; i++)
        if (j->pairs[i].verdict != PAIR_UNJUDGED && (j->pairs[i].a == row || j->pairs[i].b == row))
            return true;
    return false;
}

static void find_leaders(const score_table *t, judgement *j) {
    for (int i = 0; i < t->rows; i++)
        if (is_judged(j, i) && (j->best < 0 || moments_of(t, i, -1).mean < moments_of(t, j->best, -1).mean))
            j->best = i;
    for (int i = 0; i < j->pair_count; i++) {
        const variant_pair *p = &j->pairs[i];
        if (p->a != j->best && p->b != j->best) continue;
        int other = p->a == j->best ? p->b : p->a;
        j->leads[j->best] = true;
        j->leads[other] = p->verdict == PAIR_EQUAL || p->verdict == PAIR_UNDECIDED ||
                          p->verdict == (other == p->a ? PAIR_BETTER : PAIR_WORSE);
    }
}

sigmoe_status judge_scores(const score_table *t, const judgement_rules *rules, arena *a, judgement *out) {
    bool *in_pool;
    *out = (judgement){.rules = *rules, .best = -1};
    TRY(ARENA_NEW(a, out->pairs, t->rows * (t->rows - 1) / 2));
    TRY(ARENA_NEW(a, out->leads, t->rows));
    measure_pairs(t, out);
    TRY(choose_pool(out, t->rows, a, &in_pool));
    out->judged_rows = count_judged_rows(out, t->rows);
    pool_variances(out, in_pool, t->rows);
    draw_intervals(out);
    find_leaders(t, out);
    return SIGMOE_OK;
}

const variant_pair *judgement_pair(const judgement *j, int rows, int row, int other) {
    int a = row < other ? row : other, b = row < other ? other : row;
    return &j->pairs[a * rows - a * (a + 1) / 2 + (b - a - 1)];
}

bool pair_matters(const judgement *j, const variant_pair *p) {
    return p->verdict != PAIR_UNJUDGED && (j->leads[p->a] || j->leads[p->b]);
}

bool pair_is_open(const judgement *j, const variant_pair *p) {
    return p->verdict == PAIR_UNDECIDED && pair_matters(j, p);
}

int open_pairs(const judgement *j) {
    int count = 0;
    for (int i = 0; i < j->pair_count; i++) count += pair_is_open(j, &j->pairs[i]);
    return count;
}

// ---------------------------------------------------------------- a comparison

static double mean_of(const variant_summary *summary, result_scores *of) {
    return of == valid_scores ? summary->valid.mean : summary->test.mean;
}

bool beaten_by_ngram(const comparison_result *c, const variant_summary *summaries, result_scores *of) {
    int scored = 0, beaten = 0;
    for (int i = 0; i < c->plan->variant_count; i++) {
        double mean = mean_of(&summaries[i], of);
        scored += isfinite(mean);
        beaten += ngram_beats(c, of, mean);
    }
    return scored > 0 && beaten == scored;
}

static void withdraw(judgement *j, int rows) {
    for (int i = 0; i < j->pair_count; i++)
        if (j->pairs[i].verdict != PAIR_UNJUDGED) j->pairs[i].verdict = PAIR_UNDECIDED;
    for (int i = 0; i < rows; i++) j->leads[i] = false;
    j->best = -1;
}

sigmoe_status judge(
    const comparison_result *c, const variant_summary *summaries, result_scores *of, judgement *out) {
    int rows = c->plan->variant_count, seeds = c->plan->seed_count;
    double *scores;
    TRY(ARENA_NEW(c->arena, scores, rows * seeds));
    for (int i = 0; i < rows; i++)
        for (int s = 0; s < seeds; s++)
            scores[i * seeds + s] =
                s < c->plan->variants[i].seeds ? plan_score(c->plan, of(result_run(c, i, s))) : NAN;
    const judgement_rules rules = {
        error_of_look(c->plan->look, c->plan->sequential), c->plan->request->margin};
    TRY(judge_scores(&(score_table){rows, seeds, scores}, &rules, c->arena, out));
    if (beaten_by_ngram(c, summaries, of)) withdraw(out, rows);
    return SIGMOE_OK;
}
