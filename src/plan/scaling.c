#include "plan/scaling.h"

#include <math.h>

const char *scaling_name(scaling_kind kind) {
    return kind == SCALING_WEAK ? "weak" : "strong";
}

static const step_estimate impossible = {NAN, NAN, NAN, NAN, NAN, NAN};

static sigmoe_status estimate(
    const planned_training *t, int model, scheme s, int64_t ranks, int64_t batch, step_estimate *out) {
    step_work w;
    TRY(step_work_of(&t->models[model], batch / ranks, t->operands, &w));
    *out = estimate_step(&t->cluster, s, &w, t->operands, ranks);
    return SIGMOE_OK;
}

sigmoe_status scaling_at(const planned_training *t, int model, scheme s, int64_t ranks, int64_t batch,
    int64_t alone, scaling_point *out) {
    step_work w;
    step_estimate one;
    *out = (scaling_point){ranks, batch, impossible, NAN, NAN, ""};
    TRY(step_work_of(&t->models[model], 1, t->operands, &w));
    if (!scheme_possible(s, &w, ranks, batch, out->problem, sizeof out->problem)) return SIGMOE_OK;
    TRY(estimate(t, model, s, ranks, batch, &out->estimate));
    TRY(estimate(t, model, SCHEME_DATA, 1, alone, &one));
    double sequences_per_s = (double)batch / out->estimate.seconds;
    out->speedup = sequences_per_s / ((double)alone / one.seconds);
    out->efficiency = out->speedup / (double)ranks;
    return SIGMOE_OK;
}

static sigmoe_status compute_curve(
    const planned_training *t, int model, scheme s, scaling_kind kind, scaling_point *points) {
    int64_t each = t->batch / t->nodes, alone = kind == SCALING_WEAK ? each : t->batch;
    for (int i = 0; i < SCALING_POINTS; i++) {
        int64_t ranks = INT64_C(1) << i;
        TRY(scaling_at(
            t, model, s, ranks, kind == SCALING_WEAK ? each * ranks : t->batch, alone, &points[i]));
    }
    return SIGMOE_OK;
}

sigmoe_status scaling_compute(const planned_training *t, scaling *out) {
    for (scaling_kind kind = 0; kind < SCALING_KINDS; kind++)
        for (int model = 0; model < t->model_count; model++)
            for (scheme s = 0; s < SCHEMES; s++)
                TRY(compute_curve(t, model, s, kind, out->points[kind][model][s]));
    return SIGMOE_OK;
}
