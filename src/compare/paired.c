#include "compare/paired.h"

#include "compare/studentized_range.h"

#include <math.h>

t_interval t_interval_of(const double *values, int count) {
    double sum = 0, squares = 0;
    if (count < LEAST_PAIRS) return (t_interval){count, NAN, NAN, NAN};
    for (int i = 0; i < count; i++) sum += values[i];
    double mean = sum / count;
    for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    double half = student_quantile(0.975, count - 1) * sqrt(squares / (count - 1) / count);
    return (t_interval){count, mean, mean - half, mean + half};
}

// ---------------------------------------------------------------- for a comparison

const sigmoe_scores *valid_scores(const run_result *r) {
    return &r->valid;
}
const sigmoe_scores *test_scores(const run_result *r) {
    return &r->test;
}

double ngram_score(const comparison_result *c, result_scores *of) {
    return c->ngram.known ? plan_score(c->plan, of == valid_scores ? &c->ngram.valid : &c->ngram.test) : NAN;
}

bool ngram_beats(const comparison_result *c, result_scores *of, double mean) {
    return ngram_score(c, of) <= mean; // false if either is unknown
}

t_interval paired_difference(
    const comparison_result *c, int better, int worse, result_scores *of, double *room) {
    int count = 0;
    for (int seed = 0; seed < c->plan->variants[better].seeds && seed < c->plan->variants[worse].seeds;
        seed++) {
        double difference = plan_score(c->plan, of(result_run(c, worse, seed))) -
                            plan_score(c->plan, of(result_run(c, better, seed)));
        if (isfinite(difference)) room[count++] = difference;
    }
    return t_interval_of(room, count);
}
