#include "train/training_memory.h"

#include "base/arena.h"
#include "base/memory_limit.h"
#include "config/train_settings.h"
#include "model/size.h"

#include <math.h>
#include <stdio.h>

// That a process has of each batch.
static int64_t sequences_of(const sigmoe_train_settings *s, step_shape shape) {
    return shape.ranks > 1 ? s->batch / shape.ranks : s->batch;
}

// Of rows that travel to experts of other ranks, where all of them are chosen equally often: those that came are kept, and there
// is scratch memory for operands and results on both sides.
static double travelling_bytes(
    const model_config *c, const sigmoe_train_settings *s, step_shape shape, dtype operands) {
    if (shape.expert_parallel < 2 || !c->variant->experts) return 0;
    int64_t parts = shape.accumulate > 1 ? shape.accumulate : 1;
    double rows = (double)(sequences_of(s, shape) / parts) * (double)c->unroll * (double)c->ff.moe.k;
    double kept = shape.recompute == SIGMOE_RECOMPUTE_NONE ? (double)c->n_layers : 1;
    double numbers = (kept + 2) * (double)dtype_size(operands) + 2 * sizeof(real);
    return rows * (double)c->d_model * numbers;
}

// Of the passes over a part of the batch and, where one comes first, of that over all of it.
static double step_bytes(
    const model_config *c, const sigmoe_train_settings *s, step_shape shape, dtype operands) {
    int64_t seen = c->memory_train * c->unroll, parts = shape.accumulate > 1 ? shape.accumulate : 1;
    int64_t own = sequences_of(s, shape);
    model_memory part = model_training_memory(c, own / parts, c->unroll, seen, shape.recompute, operands);
    double bytes = part.activations + part.scratch + travelling_bytes(c, s, shape, operands);
    bool looks = parts > 1 && c->variant->looks_at_batch && c->variant->looks_at_batch(&c->ff);
    return looks ? fmax(bytes, model_inference_memory(c, own, c->unroll, seen, operands)) : bytes;
}

// Of a step, or of a validation after it, whichever is more: they use the same arenas, but each has memories of its own.
static double working_bytes(
    const model_config *c, const sigmoe_train_settings *s, step_shape shape, dtype operands) {
    int64_t seen = c->memory_train * c->unroll, scored = c->memory_eval * c->unroll;
    double step = step_bytes(c, s, shape, operands),
           memory = model_xl_memory_bytes(c, sequences_of(s, shape), seen);
    if (s->valid_every == 0) return step + memory;
    double validation = model_inference_memory(c, SCORE_STREAMS, c->unroll, scored, operands);
    return fmax(step, validation) + memory + model_xl_memory_bytes(c, SCORE_STREAMS, scored);
}

// Each rank's share of what ranks that store the rest do not have of whole tensors: moments, and masters.
static sigmoe_status share_bytes(
    const model_config *c, step_shape shape, parameter_storage rest, dtype operands, double *bytes) {
    double all, others;
    TRY(model_weight_bytes(c, STORE_MOMENTS, operands, &all));
    TRY(model_weight_bytes(c, rest, operands, &others));
    *bytes = (all - others) / (double)shape.ranks;
    return SIGMOE_OK;
}

// Values, gradients and moments of this process.
static sigmoe_status tensor_bytes(const model_config *c, step_shape shape, dtype operands, double *bytes) {
    double share;
    parameter_storage rest = operands == TYPE_BF16 ? STORE_MASTERS : STORE_GRADIENTS;
    if (!shape.shares_moments || shape.ranks <= 1)
        return model_part_weight_bytes(c, shape.expert_parallel, STORE_MOMENTS, operands, bytes);
    TRY(model_part_weight_bytes(c, shape.expert_parallel, rest, operands, bytes));
    TRY(share_bytes(c, shape, rest, operands, &share));
    *bytes += share;
    return SIGMOE_OK;
}

static sigmoe_status check(const sigmoe_config *config, const sigmoe_train_settings *settings,
    step_shape shape, int runs, const char *saves) {
    const model_config *c = &config->model;
    dtype operands = operand_type(settings->dtype);
    char what[96], several[32] = "";
    memory_need need = {.what = what, .saves = saves};
    TRY(tensor_bytes(c, shape, operands, &need.bytes));
    need.bytes = runs * (need.bytes + working_bytes(c, settings, shape, operands));
    if (runs > 1) snprintf(several, sizeof several, "%d runs at a time, ", runs);
    snprintf(what, sizeof what, "training %son batches of %lld x %lld tokens", several,
        (long long)settings->batch, (long long)c->unroll);
    return memory_check(&need);
}

sigmoe_status training_memory_check(
    const sigmoe_config *config, const sigmoe_train_settings *settings, step_shape shape) {
    return check(config, settings, shape, 1,
        shape.recompute == SIGMOE_RECOMPUTE_ALL ? "a smaller `batch`"
                                                : "a smaller `batch`, or more `recompute`,");
}

sigmoe_status runs_memory_check(
    const sigmoe_config *config, const sigmoe_train_settings *settings, int runs, int ranks) {
    return check(config, settings, (step_shape){.ranks = ranks}, runs,
        runs > 1 ? "fewer `jobs`, or a smaller `batch`," : "a smaller `batch`");
}
