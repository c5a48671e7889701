// The formulas of expert_ffn.h, pair by pair. Tokens are independent, and so are experts: both are split over the pool. bf16
// operands are computed with as reals: a product of two of them is exact in float.
#include "kernels/expert_ffn/expert_ffn.h"
#include "kernels/pointwise/pointwise.h"

typedef struct work {
    const expert_ffn_call *call;
    bool bf16_operands; // whether the caller's operands are bf16; those of `call` are reals
    matrix y;
    const expert_ffn_gradients *gradients;
    real *dhidden; // [pairs, G], by sorted position: gradient of x · W1 before the ReLU
} work;

// x, rounded as an operand of a product.
static real operand(const work *w, real x) {
    return w->bf16_operands ? (real)bf16_value(bf16_of((float)x)) : x;
}

static void up_of_expert(void *context, int64_t expert, int thread) {
    (void)thread;
    const expert_ffn_call *c = ((work *)context)->call;
    const expert_grouping *g = c->grouping;
    const real *up = matrix_real(c->up) + expert * c->width * c->expert_size;
    for (int64_t p = g->offset[expert]; p < g->offset[expert + 1]; p++) {
        const real *x = matrix_real(c->x) + g->pair[p] / g->slots * c->x.stride;
        real *hidden = matrix_real(c->hidden) + p * c->expert_size;
        for (int64_t j = 0; j < c->expert_size; j++) hidden[j] = 0;
        for (int64_t i = 0; i < c->width; i++)
            for (int64_t j = 0; j < c->expert_size; j++) hidden[j] += x[i] * up[i * c->expert_size + j];
        for (int64_t j = 0; j < c->expert_size; j++) hidden[j] = hidden[j] > 0 ? hidden[j] : 0;
    }
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

// mask ⊙ weight · hidden
static real weighted_hidden(const work *w, int64_t position, int64_t channel) {
    const expert_ffn_call *c = w->call;
    real hidden = matrix_real(c->hidden)[position * c->expert_size + channel];
    real weighted = c->weight[c->grouping->pair[position]] * hidden;
    return operand(w, weighted * mask_at(c, position, channel));
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
        for (int64_t j = 0; j < c->expert_size; j++) {
            real hidden = weighted_hidden(w, p, j);
            for (int64_t i = 0; i < c->width; i++) y[i] += hidden * down[j * c->width + i];
        }
    }
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
            real hidden = matrix_real(c->hidden)[p * size + j], weighted = weighted_hidden(w, p, j);
            real dmasked = 0; // gradient of mask ⊙ weight · hidden
            for (int64_t i = 0; i < d; i++) {
                dmasked += dy[i] * down[i];
                gradients->ddown[weights + j * d + i] += weighted * dy[i];
            }
            dmasked *= mask_at(c, p, j);
            dweight += hidden * dmasked;
            real dhidden = hidden > 0 ? operand(w, c->weight[pair] * dmasked) : 0;
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

// ---- Operands as reals ----

static sigmoe_status call_of_reals(
    const kernel_context *context, const expert_ffn_call *call, expert_ffn_call *reals) {
    *reals = *call;
    TRY(matrix_as(context, call->x, TYPE_REAL, &reals->x));
    TRY(matrix_as(context, call->up, TYPE_REAL, &reals->up));
    TRY(matrix_as(context, call->down, TYPE_REAL, &reals->down));
    return matrix_as(context, call->hidden, TYPE_REAL, &reals->hidden);
}

static sigmoe_status up(const kernel_context *context, const expert_ffn_call *call) {
    expert_ffn_call reals;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, call_of_reals(context, call, &reals));
    work w = {.call = &reals};
    parallel_for(context->threads, call->grouping->experts, up_of_expert, &w);
    if (call->hidden.type == TYPE_BF16) copy_into(context, call->hidden, reals.hidden);
done:
    arena_release(context->scratch, mark);
    return status;
}

static sigmoe_status down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    expert_ffn_call reals;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, call_of_reals(context, call, &reals));
    work w = {.call = &reals, .bf16_operands = call->x.type == TYPE_BF16, .y = y};
    parallel_for(context->threads, call->grouping->tokens, down_of_token, &w);
done:
    arena_release(context->scratch, mark);
    return status;
}

static sigmoe_status backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    expert_ffn_call reals;
    expert_ffn_gradients of_reals = *gradients;
    matrix dhidden;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, call_of_reals(context, call, &reals));
    TRY_OR(done, matrix_as(context, gradients->dy, TYPE_REAL, &of_reals.dy));
    TRY_OR(done, matrix_new(context->scratch, TYPE_REAL, call->hidden.rows, call->expert_size, &dhidden));
    work w = {.call = &reals,
        .bf16_operands = call->x.type == TYPE_BF16,
        .gradients = &of_reals,
        .dhidden = matrix_real(dhidden)};
    parallel_for(context->threads, call->grouping->experts, backward_of_expert, &w);
    parallel_for(context->threads, call->grouping->tokens, dx_of_token, &w);
done:
    arena_release(context->scratch, mark);
    return status;
}

extern const expert_ffn_kernel expert_ffn_ref, expert_ffn_bf16_ref;
const expert_ffn_kernel expert_ffn_ref = {{"ref", CPU_SCALAR}, up, down, backward};
const expert_ffn_kernel expert_ffn_bf16_ref = {{"ref", CPU_SCALAR}, up, down, backward};
