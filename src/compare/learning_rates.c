#include "compare/learning_rates.h"

#include "base/progress.h"

#include <math.h>
#include <string.h>

// The plan of the first seed's runs, all at one rate.
static sigmoe_status plan_at(const comparison_plan *p, double rate, comparison_plan *out) {
    *out = *p;
    TRY(ARENA_NEW(p->arena, out->variants, p->variant_count));
    for (int i = 0; i < p->variant_count; i++) {
        out->variants[i] = p->variants[i];
        out->variants[i].seeds = 1;
        out->variants[i].lr = rate;
    }
    out->seed_count = 1;
    out->run_count = p->variant_count; // the first of p->runs
    return SIGMOE_OK;
}

static sigmoe_status try_rate(
    const comparison_plan *p, int rate, double **scores, bool train, const sigmoe_observer *observer) {
    comparison_plan *own;
    comparison_result result;
    TRY(ARENA_NEW(p->arena, own, 1));
    TRY(plan_at(p, p->request->lr_grid[rate], own));
    if (train)
        TRY(comparison_carry_out(own, 1, observer, NULL, &result));
    else
        TRY(comparison_recall(own, &result));
    for (int i = 0; i < p->variant_count; i++)
        scores[i][rate] = plan_score(p, &result_run(&result, i, 0)->valid);
    return SIGMOE_OK;
}

static int best_of(const double *scores, int count) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (isfinite(scores[i]) && !(scores[best] <= scores[i])) best = i; // NaN is never lower
    return best;
}

static void settle(comparison_plan *p, double *const *scores, const sigmoe_observer *observer) {
    for (int i = 0; i < p->variant_count; i++) {
        compared_variant *v = &p->variants[i];
        v->grid_scores = scores[i];
        v->lr = p->request->lr_grid[best_of(scores[i], p->request->lr_count)];
        progress_note(observer, "%s: learning rate %g, the best of %d by validation score", v->label, v->lr,
            p->request->lr_count);
    }
}

static sigmoe_status choose(comparison_plan *p, bool train, const sigmoe_observer *observer) {
    double **scores;
    if (p->request->lr_count == 0) return SIGMOE_OK;
    TRY(ARENA_NEW(p->arena, scores, p->variant_count));
    for (int i = 0; i < p->variant_count; i++) TRY(ARENA_NEW(p->arena, scores[i], p->request->lr_count));
    for (int rate = 0; rate < p->request->lr_count; rate++) TRY(try_rate(p, rate, scores, train, observer));
    settle(p, scores, observer);
    return SIGMOE_OK;
}

sigmoe_status learning_rates_choose(comparison_plan *p, const sigmoe_observer *observer) {
    return choose(p, true, observer);
}

sigmoe_status learning_rates_recall(comparison_plan *p) {
    return choose(p, false, NULL);
}
