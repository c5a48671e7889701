#include "train/batch_parts.h"

#include "model/routing_sums.h"

sigmoe_status batch_parts_check(int64_t batch, int64_t count) {
    if (count < 1)
        return fail(SIGMOE_BAD_ARGUMENT, "`accumulate` is %lld; it must be 1 or more", (long long)count);
    if (batch % count == 0) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "`accumulate` is %lld, but a batch of %lld sequences has no %lld equal parts: choose a divisor of "
        "`batch`",
        (long long)count, (long long)batch, (long long)count);
}

sigmoe_status batch_parts_create(
    arena *a, const model_config *config, int64_t batch, int64_t count, xl_memory *memory, batch_parts *out) {
    int64_t size = batch / count;
    *out = (batch_parts){.count = count};
    TRY(ARENA_NEW(a, out->memory, count));
    if (count == 1) {
        out->memory[0] = memory;
        return SIGMOE_OK;
    }
    for (int64_t i = 0; i < count; i++) TRY(xl_memory_part(memory, i * size, size, a, &out->memory[i]));
    return routing_sums_create(a, config, &out->layers);
}

static sigmoe_status sum_routing(
    transformer *model, const step_context *step, xl_memory *memory, const whole_batch *whole) {
    step_context all = *step;
    all.whole = whole;
    all.statistics = NULL;
    return transformer_sum_routing(model, &all, memory);
}

// Leaves in `step` what the parts' passes add to it.
static sigmoe_status part_loss(const batch_parts *parts, int64_t i, transformer *model, step_context *step,
    const whole_batch *all, const int32_t *targets, double *nats) {
    step_context part = *step;
    part.batch = step->batch / parts->count;
    int64_t tokens = part.batch * step->length;
    whole_batch whole = *all;
    whole.first += i * tokens;
    part.whole = &whole;
    part.tokens = step->tokens + i * tokens;
    TRY(transformer_loss(model, &part, parts->memory[i], targets + i * tokens, nats + i * tokens));
    step->regularizer = part.regularizer; // of the whole batch, and the same for every part
    step->ff_seconds = part.ff_seconds;
    if (step->not_finite.part == PART_NONE) step->not_finite = part.not_finite;
    return SIGMOE_OK;
}

sigmoe_status batch_parts_loss(const batch_parts *parts, transformer *model, step_context *step,
    xl_memory *memory, const int32_t *targets, double *nats) {
    if (parts->count == 1) return transformer_loss(model, step, memory, targets, nats);
    whole_batch whole = {.tokens = step->batch * step->length, .layers = parts->layers};
    if (whole.layers) TRY(sum_routing(model, step, memory, &whole));
    whole.known = true;
    step->not_finite = (model_place){0};
    for (int64_t i = 0; i < parts->count; i++) TRY(part_loss(parts, i, model, step, &whole, targets, nats));
    xl_memory_advance(memory, step->length);
    return SIGMOE_OK;
}
