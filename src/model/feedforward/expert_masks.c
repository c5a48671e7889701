#include "model/feedforward/expert_masks.h"

#include "kernels/top_k/top_k.h"

#include <string.h>

typedef struct mask_work {
    const expert_ffn_call *experts;
    const routing *r;
    real *mask;   // [pairs, G]
    int64_t kept; // channels of a token; 0: all
    double rate;  // of the dropout
    random_stream stream;
    int64_t before;   // tokens of the whole batch before these
    real *values;     // [threads, K * G]
    int32_t *indices; // [threads, kept]
    int32_t *order;   // [threads, K]
} mask_work;

// Sorts a token's slots by expert, so that among equal channels the one with the lower e * G + g comes first.
static void order_slots(const int32_t *chosen, int64_t slots, int32_t *order) {
    for (int64_t k = 0; k < slots; k++) {
        int64_t at = k;
        for (; at > 0 && chosen[order[at - 1]] > chosen[k]; at--) order[at] = order[at - 1];
        order[at] = (int32_t)k;
    }
}

static void keep_largest(const mask_work *work, int64_t t, int thread) {
    const routing *r = work->r;
    int64_t G = work->experts->set.expert_size, slots = r->slots;
    const int32_t *position = work->experts->grouping->position + t * slots;
    real *values = work->values + thread * slots * G;
    int32_t *indices = work->indices + thread * work->kept, *order = work->order + thread * slots;
    order_slots(r->chosen + t * slots, slots, order);
    for (int64_t k = 0; k < slots; k++) {
        real weight = r->weight[t * slots + order[k]];
        for (int64_t g = 0; g < G; g++)
            values[k * G + g] = weight * matrix_at(work->experts->hidden, position[order[k]], g);
        memset(work->mask + position[k] * G, 0, (size_t)G * sizeof(real));
    }
    top_k_row(values, slots * G, work->kept, indices);
    for (int64_t i = 0; i < work->kept; i++) {
        int64_t k = indices[i] / G, g = indices[i] % G;
        work->mask[position[order[k]] * G + g] = 1;
    }
}

// A channel's random number depends on its token and its index among all N_E * G channels, not on its expert's slot.
static void drop_channels(const mask_work *work, int64_t t, int thread) {
    const routing *r = work->r;
    int64_t G = work->experts->set.expert_size;
    real *factors = work->values + thread * r->slots * G;
    for (int64_t k = 0; k < r->slots; k++) {
        int64_t pair = t * r->slots + k;
        real *mask = work->mask + work->experts->grouping->position[pair] * G;
        uint64_t first = (uint64_t)((work->before + t) * r->experts + r->chosen[pair]) * (uint64_t)G;
        random_dropout(work->stream, first, G, work->rate, factors);
        for (int64_t g = 0; g < G; g++) mask[g] = work->kept ? mask[g] * factors[g] : factors[g];
    }
}

static void mask_rows(void *context, int64_t first, int64_t last, int thread) {
    const mask_work *work = context;
    for (int64_t t = first; t < last; t++) {
        if (work->kept) keep_largest(work, t, thread);
        if (work->rate > 0) drop_channels(work, t, thread);
    }
}

static int64_t channels_kept(const moe_options *o) {
    return o->channels_kept < o->k * o->expert_size ? o->channels_kept : 0;
}

bool masks_experts(const ff_layer *layer, const step_context *step) {
    const moe_options *o = &layer->options.moe;
    return channels_kept(o) || (step->training && o->dropout > 0);
}

sigmoe_status make_expert_mask(
    const ff_layer *layer, step_context *step, arena *home, const routing *r, expert_ffn_call *experts) {
    const moe_options *o = &layer->options.moe;
    int64_t channels = o->k * o->expert_size, pool = threads_count(step->kernel.threads);
    mask_work work = {
        .experts = experts,
        .r = r,
        .kept = channels_kept(o),
        .rate = step->training ? o->dropout : 0,
        .stream = step_random(step, layer->layer, RANDOM_DROPOUT_FF_INNER),
        .before = step_first_token(step),
    };
    if (!masks_experts(layer, step)) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(home, work.mask, r->tokens * channels));
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status;
    TRY_OR(done, ARENA_NEW_RAW(step->kernel.scratch, work.values, pool * channels));
    TRY_OR(done, ARENA_NEW_RAW(step->kernel.scratch, work.indices, pool * work.kept));
    TRY_OR(done, ARENA_NEW_RAW(step->kernel.scratch, work.order, pool * o->k));
    for_row_blocks(step->kernel.threads, r->tokens, mask_rows, &work);
    experts->mask = work.mask;
done:
    arena_release(step->kernel.scratch, mark);
    return status;
}
