// The formulas of expert_ffn.h, pair by pair. Tokens are independent, and so are experts: both are split over the pool. bf16
// operands are computed with as reals: a product of two of them is exact in float.
#include "kernels/expert_ffn/activation_ref.h"
#include "kernels/expert_ffn/expert_ffn.h"
#include "kernels/pointwise/pointwise.h"

typedef struct work {
    const expert_ffn_call *call;
    bool bf16_operands; // whether the caller's operands are bf16; those of `call` are reals
    matrix y;
    const expert_ffn_gradients *gradients;
    real *dbefore; // [served, H], by sorted position: gradient before the activation
    real *row;     // [threads, v]: a pair's share of y
} work;

// x, rounded as an operand of a product.
static real operand(const work *w, real x) {
    return w->bf16_operands ? (real)bf16_value(bf16_of((float)x)) : x;
}

// The matrices of all experts, of either layout: element (input, output) of an expert's.
typedef struct expert_matrices {
    real *data;
    int64_t expert, input, output; // steps
} expert_matrices;

static expert_matrices matrices_of(matrix m, sigmoe_expert_layout layout, int64_t inputs, int64_t outputs) {
    real *data = m.data ? matrix_real(m) : NULL;
    return layout == SIGMOE_EXPERTS_EDG ? (expert_matrices){data, inputs * outputs, outputs, 1}
                                        : (expert_matrices){data, inputs * outputs, 1, inputs};
}
static expert_matrices up_of(const expert_set *set, matrix m) {
    return matrices_of(m, set->layout, set->width, expert_channels(set));
}
static expert_matrices down_of(const expert_set *set, matrix m) {
    return matrices_of(m, set->layout, set->expert_size, set->out_width);
}
static real *element(const expert_matrices *m, int64_t expert, int64_t input, int64_t output) {
    return m->data + expert * m->expert + input * m->input + output * m->output;
}

// Where the gate and the value of hidden channel `channel` are among the channels before the activation.
static int64_t gate_of(const expert_set *set, int64_t channel) {
    return set->gate == SIGMOE_GATE_INTERLEAVED ? 2 * channel : channel;
}
static int64_t value_of(const expert_set *set, int64_t channel) {
    return set->gate == SIGMOE_GATE_INTERLEAVED ? 2 * channel + 1 : set->expert_size + channel;
}

// ---- Forward ----

static void up_of_expert(void *context, int64_t expert, int thread) {
    (void)thread;
    const expert_ffn_call *c = ((work *)context)->call;
    const expert_set *set = &c->set;
    const expert_grouping *g = c->grouping;
    expert_matrices up = up_of(set, set->up);
    int64_t channels = expert_channels(set);
    for (int64_t p = g->offset[expert]; p < g->offset[expert + 1]; p++) {
        const real *x = matrix_real(c->x) + g->pair[p] / g->slots * c->x.stride;
        real *before = matrix_real(c->before) + p * channels,
             *hidden = matrix_real(c->hidden) + p * set->expert_size;
        for (int64_t h = 0; h < channels; h++) before[h] = 0;
        for (int64_t i = 0; i < set->width; i++)
            for (int64_t h = 0; h < channels; h++) before[h] += x[i] * *element(&up, expert, i, h);
        if (set->up_bias.data)
            for (int64_t h = 0; h < channels; h++)
                before[h] += matrix_real(set->up_bias)[expert * channels + h];
        for (int64_t j = 0; j < set->expert_size; j++) {
            hidden[j] = activation_value(set->activation, before[gate_of(set, j)]);
            if (set->gate != SIGMOE_GATE_NONE) hidden[j] *= before[value_of(set, j)];
        }
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
    return c->mask ? c->mask[position * c->set.expert_size + channel] : 1;
}

// mask ⊙ weight · hidden
static real weighted_hidden(const work *w, int64_t position, int64_t channel) {
    const expert_ffn_call *c = w->call;
    real hidden = matrix_real(c->hidden)[position * c->set.expert_size + channel];
    real weighted = c->weight[c->grouping->pair[position]] * hidden;
    return operand(w, weighted * mask_at(c, position, channel));
}

static void down_of_pair(const work *w, int64_t pair, real *row) {
    const expert_ffn_call *c = w->call;
    const expert_set *set = &c->set;
    expert_matrices down = down_of(set, set->down);
    int64_t p = c->grouping->position[pair], expert = expert_of(c->grouping, p);
    for (int64_t i = 0; i < set->out_width; i++) row[i] = 0;
    for (int64_t j = 0; j < set->expert_size; j++) {
        real hidden = weighted_hidden(w, p, j);
        for (int64_t i = 0; i < set->out_width; i++) row[i] += hidden * *element(&down, expert, j, i);
    }
    if (set->down_bias.data)
        for (int64_t i = 0; i < set->out_width; i++)
            row[i] += c->weight[pair] * matrix_real(set->down_bias)[expert * set->out_width + i];
}

// Each pair's share is summed by itself: the bits are those of pairs that are computed elsewhere.
static void down_of_token(void *context, int64_t token, int thread) {
    const work *w = context;
    const expert_grouping *g = w->call->grouping;
    int64_t width = w->call->set.out_width;
    real *y = matrix_real(w->y) + token * w->y.stride, *row = w->row + thread * width;
    for (int64_t i = 0; i < width; i++) y[i] = 0;
    for (int64_t pair = token * g->slots; pair < (token + 1) * g->slots; pair++) {
        if (g->position[pair] < 0) continue;
        down_of_pair(w, pair, row);
        for (int64_t i = 0; i < width; i++) y[i] += row[i];
    }
}

// ---- Backward ----

// Stores the gradients of hidden channel `channel`'s gate and value, or of the channel without gate, from dhidden.
static void through_activation(const work *w, int64_t position, int64_t channel, real dhidden) {
    const expert_set *set = &w->call->set;
    real *dbefore = w->dbefore + position * expert_channels(set);
    if (!experts_need_before(set)) {
        bool active = matrix_real(w->call->hidden)[position * set->expert_size + channel] > 0;
        dbefore[channel] = active ? operand(w, dhidden) : 0;
        return;
    }
    const real *before = matrix_real(w->call->before) + position * expert_channels(set);
    int64_t gate = gate_of(set, channel);
    real slope = activation_slope(set->activation, before[gate]);
    if (set->gate == SIGMOE_GATE_NONE) {
        dbefore[channel] = operand(w, dhidden * slope);
        return;
    }
    int64_t value = value_of(set, channel);
    dbefore[gate] = operand(w, dhidden * before[value] * slope);
    dbefore[value] = operand(w, dhidden * activation_value(set->activation, before[gate]));
}

// The gradients of a pair's weight and of its channels before the activation.
static void backward_to_channels(const work *w, int64_t expert, int64_t position) {
    const expert_ffn_call *c = w->call;
    const expert_set *set = &c->set;
    const expert_ffn_gradients *gradients = w->gradients;
    int64_t pair = c->grouping->pair[position];
    const real *dy = matrix_real(gradients->dy) + pair / c->grouping->slots * gradients->dy.stride;
    expert_matrices down = down_of(set, set->down);
    real dweight = 0;
    for (int64_t j = 0; j < set->expert_size; j++) {
        real dmasked = 0; // gradient of mask ⊙ weight · hidden
        for (int64_t i = 0; i < set->out_width; i++) dmasked += dy[i] * *element(&down, expert, j, i);
        dmasked *= mask_at(c, position, j);
        dweight += matrix_real(c->hidden)[position * set->expert_size + j] * dmasked;
        through_activation(w, position, j, c->weight[pair] * dmasked);
    }
    if (set->down_bias.data)
        for (int64_t i = 0; i < set->out_width; i++)
            dweight += dy[i] * matrix_real(set->down_bias)[expert * set->out_width + i];
    if (gradients->dweight) gradients->dweight[pair] = dweight;
}

static void add_weight_gradients(const work *w, int64_t expert, int64_t position) {
    const expert_ffn_call *c = w->call;
    const expert_set *set = &c->set;
    const expert_ffn_gradients *gradients = w->gradients;
    int64_t channels = expert_channels(set), pair = c->grouping->pair[position],
            token = pair / c->grouping->slots;
    const real *x = matrix_real(c->x) + token * c->x.stride;
    const real *dy = matrix_real(gradients->dy) + token * gradients->dy.stride;
    const real *dbefore = w->dbefore + position * channels;
    expert_matrices dup = up_of(set, gradients->dup), ddown = down_of(set, gradients->ddown);
    if (dup.data)
        for (int64_t i = 0; i < set->width; i++)
            for (int64_t h = 0; h < channels; h++) *element(&dup, expert, i, h) += x[i] * dbefore[h];
    if (ddown.data)
        for (int64_t j = 0; j < set->expert_size; j++) {
            real weighted = weighted_hidden(w, position, j);
            for (int64_t i = 0; i < set->out_width; i++) *element(&ddown, expert, j, i) += weighted * dy[i];
        }
    if (gradients->dup_bias.data)
        for (int64_t h = 0; h < channels; h++)
            matrix_real(gradients->dup_bias)[expert * channels + h] += dbefore[h];
    if (gradients->ddown_bias.data)
        for (int64_t i = 0; i < set->out_width; i++)
            matrix_real(gradients->ddown_bias)[expert * set->out_width + i] += c->weight[pair] * dy[i];
}

static void backward_of_expert(void *context, int64_t expert, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t *offset = w->call->grouping->offset;
    for (int64_t p = offset[expert]; p < offset[expert + 1]; p++) {
        backward_to_channels(w, expert, p);
        add_weight_gradients(w, expert, p);
    }
}

static void dx_of_token(void *context, int64_t token, int thread) {
    (void)thread;
    const work *w = context;
    const expert_ffn_call *c = w->call;
    const expert_set *set = &c->set;
    const expert_grouping *g = c->grouping;
    expert_matrices up = up_of(set, set->up);
    int64_t channels = expert_channels(set);
    real *dx = matrix_real(w->gradients->dx) + token * w->gradients->dx.stride;
    for (int64_t i = 0; i < set->width; i++) dx[i] = 0;
    for (int64_t pair = token * g->slots; pair < (token + 1) * g->slots; pair++) {
        int64_t p = g->position[pair];
        if (p < 0) continue;
        int64_t expert = expert_of(g, p);
        for (int64_t i = 0; i < set->width; i++) {
            real sum = 0;
            for (int64_t h = 0; h < channels; h++)
                sum += w->dbefore[p * channels + h] * *element(&up, expert, i, h);
            dx[i] += sum;
        }
    }
}

// ---- Operands as reals ----

// An absent matrix stays absent.
static sigmoe_status as_real(const kernel_context *context, matrix m, matrix *out) {
    *out = m;
    return m.data ? matrix_as(context, m, TYPE_REAL, out) : SIGMOE_OK;
}

static void back_from_real(const kernel_context *context, matrix m, matrix reals) {
    if (m.data != reals.data) copy_into(context, m, reals);
}

static sigmoe_status call_of_reals(
    const kernel_context *context, const expert_ffn_call *call, expert_ffn_call *reals) {
    *reals = *call;
    TRY(as_real(context, call->x, &reals->x));
    TRY(as_real(context, call->set.up, &reals->set.up));
    TRY(as_real(context, call->set.down, &reals->set.down));
    TRY(as_real(context, call->set.up_bias, &reals->set.up_bias));
    TRY(as_real(context, call->set.down_bias, &reals->set.down_bias));
    TRY(as_real(context, call->before, &reals->before));
    return as_real(context, call->hidden, &reals->hidden);
}

static sigmoe_status up(const kernel_context *context, const expert_ffn_call *call) {
    expert_ffn_call reals;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, call_of_reals(context, call, &reals));
    if (!call->before.data)
        TRY_OR(done, matrix_new(context->scratch, TYPE_REAL, call->hidden.rows, expert_channels(&call->set),
                         &reals.before));
    work w = {.call = &reals};
    parallel_for(context->threads, call->grouping->experts, up_of_expert, &w);
    if (call->before.data) back_from_real(context, call->before, reals.before);
    back_from_real(context, call->hidden, reals.hidden);
done:
    arena_release(context->scratch, mark);
    return status;
}

static sigmoe_status down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    expert_ffn_call reals;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    work w = {.call = &reals, .bf16_operands = call->x.type == TYPE_BF16};
    TRY_OR(done, call_of_reals(context, call, &reals));
    TRY_OR(done, as_real(context, y, &w.y));
    TRY_OR(
        done, ARENA_NEW_RAW(context->scratch, w.row, threads_count(context->threads) * call->set.out_width));
    parallel_for(context->threads, call->grouping->tokens, down_of_token, &w);
    back_from_real(context, y, w.y);
done:
    arena_release(context->scratch, mark);
    return status;
}

// The gradient that sums are added to: 0, if it is to be overwritten.
static sigmoe_status begin_gradient(const kernel_context *context, matrix m, bool overwrite, matrix *out) {
    TRY(as_real(context, m, out));
    if (m.data && overwrite) fill(context, *out, 0);
    return SIGMOE_OK;
}

static sigmoe_status gradients_of_reals(
    const kernel_context *context, const expert_ffn_gradients *gradients, expert_ffn_gradients *reals) {
    bool overwrite = gradients->overwrite;
    *reals = *gradients;
    TRY(as_real(context, gradients->dy, &reals->dy));
    TRY(as_real(context, gradients->dx, &reals->dx));
    TRY(begin_gradient(context, gradients->dup, overwrite, &reals->dup));
    TRY(begin_gradient(context, gradients->ddown, overwrite, &reals->ddown));
    TRY(begin_gradient(context, gradients->dup_bias, overwrite, &reals->dup_bias));
    return begin_gradient(context, gradients->ddown_bias, overwrite, &reals->ddown_bias);
}

static void gradients_back(
    const kernel_context *context, const expert_ffn_gradients *gradients, const expert_ffn_gradients *reals) {
    back_from_real(context, gradients->dx, reals->dx);
    back_from_real(context, gradients->dup, reals->dup);
    back_from_real(context, gradients->ddown, reals->ddown);
    back_from_real(context, gradients->dup_bias, reals->dup_bias);
    back_from_real(context, gradients->ddown_bias, reals->ddown_bias);
}

static sigmoe_status backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    expert_ffn_call reals;
    expert_ffn_gradients of_reals;
    const expert_grouping *g = call->grouping;
    matrix dbefore;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, call_of_reals(context, call, &reals));
    TRY_OR(done, gradients_of_reals(context, gradients, &of_reals));
    TRY_OR(done, matrix_new(context->scratch, TYPE_REAL, g->offset[g->experts], expert_channels(&call->set),
                     &dbefore));
    work w = {.call = &reals,
        .bf16_operands = call->x.type == TYPE_BF16,
        .gradients = &of_reals,
        .dbefore = matrix_real(dbefore)};
    for (int64_t p = 0; gradients->dweight && p < g->tokens * g->slots; p++)
        if (g->position[p] < 0) gradients->dweight[p] = 0;
    parallel_for(context->threads, g->experts, backward_of_expert, &w);
    if (gradients->dx.data) parallel_for(context->threads, g->tokens, dx_of_token, &w);
    gradients_back(context, gradients, &of_reals);
done:
    arena_release(context->scratch, mark);
    return status;
}

extern const expert_ffn_kernel expert_ffn_ref, expert_ffn_bf16_ref;
const expert_ffn_kernel expert_ffn_ref = {{"ref", CPU_SCALAR}, up, down, backward, NULL, NULL};
const expert_ffn_kernel expert_ffn_bf16_ref = {{"ref", CPU_SCALAR}, up, down, backward, NULL, NULL};
