// The formulas of expert_ffn.h, pair by pair. Tokens are independent, and so are experts: both are split over the pool.
#include "kernels/expert_ffn/expert_ffn.h"

typedef struct work {
    const expert_ffn_call *call;
    matrix y;
    const expert_ffn_gradients *gradients;
    real *dhidden; // [pairs, G], by sorted position: gradient of x · W1 before the ReLU
} work;

static void up_of_expert(void *context, int64_t expert, int thread) {
    (void)thread;
    const expert_ffn_call *c = ((work *)context)->call;
    const expert_grouping *g = c->grouping;
    const real *up = matrix_real(c->up) + expert * c->width * c->expert_size;
    for (int64_t p = g->offset[expert]; p < g->offset[expert + 1]; p++) {
        const real *x = matrix_real(c->x) + g->pair[p] / g->slots * c->x.stride;
        real *hidden = matrix_real(c->hidden) + p * c->expert_size;
        for (int64_t j = 0; j < c->expert_size; j++) {
            real sum = 0;
            for (int64_t i = 0; i < c->width; i++) sum += x[i] * up[i * c->expert_size + j];
            hidden[j] = sum > 0 ? sum : 0;
        }
    }
}

static sigmoe_status up(const kernel_context *context, const expert_ffn_call *call) {
    work w = {.call = call};
    parallel_for(context->threads, call->grouping->experts, up_of_expert, &w);
    return SIGMOE_OK;
}

static int64_t expert_of(const expert_grouping *g, int64_t position) {
    int64_t low = 0, high = g->experts; // offset[low] <= position < offset[high]
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (g->offset[middle] <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static real mask_at(const expert_ffn_call *c, int64_t position, int64_t channel) {
    return c->mask ? c->mask[position * c->expert_size + channel] : 1;
}

static void down_of_token(void *context, int64_t token, int thread) {
    (void)thread;
    const work *w = context;
    const expert_ffn_call *c = w->call;
    const expert_grouping *g = c->grouping;
    real *y = matrix_real(w->y) + token * w->y.stride;
    for (int64_t i = 0; i < c->width; i++) y[i] = 0;
    for (int64_t pair = token * g->slots; pair < (token + 1) * g->slots; pair++) {
        int64_t p = g->position[pair];
        const real *down = matrix_real(c->down) + expert_of(g, p) * c->expert_size * c->width;
        for (int64_t i = 0; i < c->width; i++) {
            real sum = 0;
            for (int64_t j = 0; j < c->expert_size; j++)
                sum += mask_at(c, p, j) * c->weight[pair] * matrix_real(c->hidden)[p * c->expert_size + j] *
                       down[j * c->width + i];
            y[i] += sum;
        }
    }
}

static sigmoe_status down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    work w = {.call = call, .y = y};
    parallel_for(context->threads, call->grouping->tokens, down_of_token, &w);
    return SIGMOE_OK;
}

static void backward_of_expert(void *context, int64_t expert, int thread) {
    (void)thread;
    const work *w = context;
    const expert_ffn_call *c = w->call;
    const expert_ffn_gradients *gradients = w->gradients;
    const expert_grouping *g = c->grouping;
    int64_t d = c->width, size = c->expert_size, weights = expert * d * size;
    for (int64_t p = g->offset[expert]; p < g->offset[expert + 1]; p++) {
        int64_t pair = g->pair[p], token = pair / g->slots;
        const real *x = matrix_real(c->x) + token * c->x.stride;
        const real *dy = matrix_real(gradients->dy) + token * gradients->dy.stride;
        real dweight = 0;
        for (int64_t j = 0; j < size; j++) {
            const real *down = matrix_real(c->down) + weights + j * d;
            real hidden = mask_at(c, p, j) * matrix_real(c->hidden)[p * size + j];
            real dmasked = 0; // of mask ⊙ weight · hidden
            for (int64_t i = 0; i < d; i++) {
                dmasked += dy[i] * down[i];
                gradients->ddown[weights + j * d + i] += c->weight[pair] * hidden * dy[i];
            }
            dweight += hidden * dmasked;
            real dhidden =
                matrix_real(c->hidden)[p * size + j] > 0 ? c->weight[pair] * mask_at(c, p, j) * dmasked : 0;
            w->dhidden[p * size + j] = dhidden;
            for (int64_t i = 0; i < d; i++) gradients->dup[weights + i * size + j] += x[i] * dhidden;
        }
        gradients->dweight[pair] = dweight;
    }
}

static void dx_of_token(void *context, int64_t token, int thread) {
    (void)thread;
    const work *w = context;
    const expert_ffn_call *c = w->call;
    const expert_grouping *g = c->grouping;
    real *dx = matrix_real(w->gradients->dx) + token * w->gradients->dx.stride;
    for (int64_t i = 0; i < c->width; i++) dx[i] = 0;
    for (int64_t pair = token * g->slots; pair < (token + 1) * g->slots; pair++) {
        int64_t p = g->position[pair];
        const real *up = matrix_real(c->up) + expert_of(g, p) * c->width * c->expert_size;
        for (int64_t i = 0; i < c->width; i++) {
            real sum = 0;
            for (int64_t j = 0; j < c->expert_size; j++)
                sum += w->dhidden[p * c->expert_size + j] * up[i * c->expert_size + j];
            dx[i] += sum;
        }
    }
}

static sigmoe_status backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    const expert_grouping *g = call->grouping;
    work w = {.call = call, .gradients = gradients};
    int64_t elements;
    if (!size_product(&elements, g->tokens * g->slots, call->expert_size))
        return fail(SIGMOE_NO_MEMORY, "%lld pairs of %lld channels are too many",
            (long long)(g->tokens * g->slots), (long long)call->expert_size);
    arena_mark mark = arena_here(context->scratch);
    TRY(ARENA_NEW_RAW(context->scratch, w.dhidden, elements));
    parallel_for(context->threads, g->experts, backward_of_expert, &w);
    parallel_for(context->threads, g->tokens, dx_of_token, &w);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}

extern const expert_ffn_kernel expert_ffn_ref;
const expert_ffn_kernel expert_ffn_ref = {{"ref", CPU_SCALAR}, up, down, backward};
