#include "compare/summary.h"

#include <math.h>
#include <string.h>

static spread spread_of(const double *values, int count) {
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++) sum += values[i];
    double mean = count > 0 ? sum / count : NAN;
    for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    return (spread){mean, count > 1 ? sqrt(squares / (count - 1)) : NAN};
}

// Omits values that are unknown or exceed the range of a double.
static void append_known(double *values, int *count, double value) {
    if (isfinite(value)) values[(*count)++] = value;
}

typedef double result_value(const comparison_result *c, const run_result *r);

static double valid_score(const comparison_result *c, const run_result *r) {
    return plan_score(c->plan, &r->valid);
}
static double test_score(const comparison_result *c, const run_result *r) {
    return plan_score(c->plan, &r->test);
}
static quartiles speed(const run_result *r) {
    return r->tokens_per_second;
}
static quartiles feedforward(const run_result *r) {
    return r->feedforward_seconds;
}

// `values` has room for one value per seed.
static spread over_seeds(const comparison_result *c, int variant, result_value *value, double *values) {
    int count = 0;
    for (int s = 0; s < c->plan->variants[variant].seeds; s++)
        append_known(values, &count, value(c, result_run(c, variant, s)));
    return spread_of(values, count);
}

static quartiles times_over_seeds(
    const comparison_result *c, int variant, quartiles (*of)(const run_result *r), double *medians) {
    double low = NAN, high = NAN; // fmin and fmax ignore NaN
    int count = 0;
    for (int s = 0; s < c->plan->variants[variant].seeds; s++) {
        quartiles run = of(result_run(c, variant, s));
        append_known(medians, &count, run.median);
        low = fmin(low, run.low);
        high = fmax(high, run.high);
    }
    return (quartiles){low, quartiles_of(medians, count).median, high};
}

static double dense_feedforward_seconds(const comparison_result *c, const variant_summary *summaries) {
    for (int i = 0; i < c->plan->variant_count; i++)
        if (strcmp(c->plan->variants[i].paper->name, "dense") == 0)
            return summaries[i].feedforward_seconds.median;
    return NAN;
}

sigmoe_status summarize_variants(const comparison_result *c, variant_summary **out) {
    double *values;
    variant_summary *summaries;
    TRY(ARENA_NEW(c->arena, summaries, c->plan->variant_count));
    TRY(ARENA_NEW(c->arena, values, c->plan->seed_count));
    for (int i = 0; i < c->plan->variant_count; i++) {
        summaries[i] = (variant_summary){.valid = over_seeds(c, i, valid_score, values),
            .test = over_seeds(c, i, test_score, values),
            .tokens_per_second = times_over_seeds(c, i, speed, values),
            .feedforward_seconds = times_over_seeds(c, i, feedforward, values),
            .peak_activation_bytes = NAN};
        for (int s = 0; s < c->plan->variants[i].seeds; s++) // fmax ignores NaN
            summaries[i].peak_activation_bytes =
                fmax(summaries[i].peak_activation_bytes, result_run(c, i, s)->peak_activation_bytes);
    }
    double dense = dense_feedforward_seconds(c, summaries);
    for (int i = 0; i < c->plan->variant_count; i++) {
        quartiles own = summaries[i].feedforward_seconds;
        summaries[i].feedforward_share = (quartiles){own.low / dense, own.median / dense, own.high / dense};
    }
    *out = summaries;
    return SIGMOE_OK;
}
