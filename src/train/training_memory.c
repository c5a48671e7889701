#include "train/training_memory.h"

#include "base/arena.h"
#include "base/memory_limit.h"
#include "config/train_settings.h"
#include "model/size.h"

#include <math.h>
#include <stdio.h>

// Of a step, or of a validation after it, whichever is more: they use the same arenas, but each has memories of its own.
static double working_bytes(
    const model_config *c, const sigmoe_train_settings *s, sigmoe_recompute recompute, dtype operands) {
    int64_t seen = c->memory_train * c->unroll, scored = c->memory_eval * c->unroll;
    model_memory step = model_training_memory(c, s->batch, c->unroll, seen, recompute, operands);
    double validation = model_inference_memory(c, SCORE_STREAMS, c->unroll, scored, operands);
    if (s->valid_every == 0)
        return step.activations + step.scratch + model_xl_memory_bytes(c, s->batch, seen);
    return fmax(step.activations + step.scratch, validation) + model_xl_memory_bytes(c, s->batch, seen) +
           model_xl_memory_bytes(c, SCORE_STREAMS, scored);
}

static sigmoe_status check(const sigmoe_config *config, const sigmoe_train_settings *settings,
    sigmoe_recompute recompute, int runs, const char *saves) {
    const model_config *c = &config->model;
    dtype operands = operand_type(settings->dtype);
    char what[96], several[32] = "";
    memory_need need = {.what = what, .saves = saves};
    TRY(model_weight_bytes(c, STORE_MOMENTS, operands, &need.bytes));
    need.bytes = runs * (need.bytes + working_bytes(c, settings, recompute, operands));
    if (runs > 1) snprintf(several, sizeof several, "%d runs at a time, ", runs);
    snprintf(what, sizeof what, "training %son batches of %lld x %lld tokens", several,
        (long long)settings->batch, (long long)c->unroll);
    return memory_check(&need);
}

sigmoe_status training_memory_check(
    const sigmoe_config *config, const sigmoe_train_settings *settings, sigmoe_recompute recompute) {
    return check(config, settings, recompute, 1,
        recompute == SIGMOE_RECOMPUTE_ALL ? "a smaller `batch`" : "a smaller `batch`, or more `recompute`,");
}

sigmoe_status runs_memory_check(
    const sigmoe_config *config, const sigmoe_train_settings *settings, int runs) {
    return check(config, settings, SIGMOE_RECOMPUTE_NONE, runs,
        runs > 1 ? "fewer `jobs`, or a smaller `batch`," : "a smaller `batch`");
}
