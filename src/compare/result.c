#include "compare/result.h"

#include <math.h>

const run_result *result_run(const comparison_result *c, int variant, int seed) {
    return &c->runs[variant * c->plan->seed_count + seed];
}

const run_curve *result_curve(const comparison_result *c, int variant, int seed) {
    return &c->curves[variant * c->plan->seed_count + seed];
}

double result_point_score(const comparison_result *c, const validation_point *point) {
    const sigmoe_scores scores = {.perplexity = point->perplexity,
        .bits_per_token = point->bits_per_token,
        .bits_per_char = point->bits_per_char};
    return plan_score(c->plan, &scores);
}

int result_runs_failed(const comparison_result *c) {
    int count = 0;
    for (int i = 0; i < c->plan->run_count; i++)
        count += result_run(c, c->plan->runs[i].variant, c->plan->runs[i].seed)->failure != NULL;
    return count;
}

int result_runs_left(const comparison_result *c) {
    int count = 0;
    for (int i = 0; i < c->plan->run_count; i++)
        count += result_run(c, c->plan->runs[i].variant, c->plan->runs[i].seed)->pending;
    return count;
}

int result_runs_without_score(const comparison_result *c) {
    int count = 0;
    for (int i = 0; i < c->plan->run_count; i++) {
        const run_result *r = result_run(c, c->plan->runs[i].variant, c->plan->runs[i].seed);
        count += !r->pending && (r->failure || !isfinite(plan_score(c->plan, &r->test)));
    }
    return count;
}
