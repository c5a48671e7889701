#include "train/batch_parts.h"

#include "model/routing_sums.h"

sigmoe_status batch_parts_check(int64_t batch, int64_t count, int64_t ranks) {
    if (count < 1)
        return fail(SIGMOE_BAD_ARGUMENT, "`accumulate` is %lld; it must be 1 or more", (long long)count);
    if (batch % ranks != 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "a batch of %lld sequences has no equal shares for %lld ranks: choose a multiple of them as "
            "`batch`, or another number of ranks",
            (long long)batch, (long long)ranks);
    batch /= ranks;
    if (batch % count == 0) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "`accumulate` is %lld, but the %lld sequence%s of %s have no %lld equal parts: choose a divisor",
        (long long)count, (long long)batch, plural(batch), ranks > 1 ? "each rank" : "a batch",
        (long long)count);
}

// Nothing is left to be put together.
static bool is_whole(const batch_parts *parts) {
    return parts->count == 1 && !parts->share.exchange;
}

sigmoe_status batch_parts_create(arena *a, const model_config *config, const batch_share *share,
    int64_t count, xl_memory *memory, batch_parts *out) {
    int64_t size = share->sequences / count;
    *out = (batch_parts){.share = *share, .count = count};
    if (is_whole(out)) return SIGMOE_OK;
    TRY(ARENA_NEW(a, out->memory, count));
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
    if (i < parts->count - 1) part.listener = NULL; // gradients are not final before the last
    TRY(transformer_loss(model, &part, parts->memory[i], targets + i * tokens, nats + i * tokens));
    step->regularizer = part.regularizer; // of the whole batch, and the same for every part
    step->ff_seconds = part.ff_seconds;
    if (step->not_finite.part == PART_NONE) step->not_finite = part.not_finite;
    return SIGMOE_OK;
}

sigmoe_status batch_parts_loss(const batch_parts *parts, transformer *model, step_context *step,
    xl_memory *memory, const int32_t *targets, double *nats) {
    if (is_whole(parts)) return transformer_loss(model, step, memory, targets, nats);
    const batch_share *share = &parts->share;
    whole_batch whole = {.first = share->first * step->length,
        .tokens = share->all * step->length,
        .layers = parts->layers,
        .exchange = share->exchange};
    if (whole.layers && parts->count > 1) {
        TRY(sum_routing(model, step, memory, &whole));
        whole.known = true;
    }
    step->not_finite = (model_place){0};
    for (int64_t i = 0; i < parts->count; i++) TRY(part_loss(parts, i, model, step, &whole, targets, nats));
    xl_memory_advance(memory, step->length);
    return SIGMOE_OK;
}
