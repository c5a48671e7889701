// K distinct experts drawn anew for each token, in training and inference: the baseline that shows what routing is worth.
#include "model/feedforward/router_weights.h"

typedef struct choice_work {
    random_stream stream;
    const token_place *places; // [T], or NULL
    int64_t before;            // tokens of the whole batch before these
    routing *r;
} choice_work;

static bool contains(const int32_t *list, int64_t count, int32_t value) {
    for (int64_t i = 0; i < count; i++)
        if (list[i] == value) return true;
    return false;
}

// Floyd's sampling: K draws, and every set of K experts is equally likely.
static void choose_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const choice_work *work = context;
    const routing *r = work->r;
    for (int64_t t = first; t < last; t++) {
        random_stream stream = work->stream;
        int64_t index = work->places ? work->places[t].index : work->before + t;
        if (work->places) stream.step = work->places[t].segment;
        int32_t *chosen = r->chosen + t * r->slots;
        for (int64_t k = 0; k < r->slots; k++) {
            int64_t top = r->experts - r->slots + k;
            uint64_t bits = random_bits(stream, (uint64_t)(index * r->experts + k));
            int32_t expert = (int32_t)(bits * (uint64_t)(top + 1) >> 32);
            chosen[k] = contains(chosen, k, expert) ? (int32_t)top : expert;
            r->weight[t * r->slots + k] = 1;
        }
    }
}

static sigmoe_status choose(const router_call *call, routing *r) {
    const step_context *step = call->step;
    choice_work work = {
        step_random(step, call->layer->layer, RANDOM_ROUTER_CHOICE), step->places, step_first_token(step), r};
    for_row_blocks(step->kernel.threads, r->tokens, choose_rows, &work);
    return SIGMOE_OK;
}

const router router_random = {
    .choose = choose,
};
