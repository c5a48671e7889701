// The expert FFN as packed products (packed/operands.h): one source for all operand types and processors. Tasks of the forward
// and of the backward's first pass are ranges of one expert's rows, in one of three orders: row_order.h, panel_order.h for large
// experts, stream_order.h for few rows. Tasks of the backward's second pass are slices of one expert's gradients
// (weight_gradients.h). Which order is taken depends on sizes and on the tokens' choices, and nothing on the number of threads.
//
// Products that return to tokens are stored as one row per pair and summed for each token in slot order. Tokens are processed
// in blocks, so that these rows stay in the last-level cache. Where each token has one pair, they are its own row.
#pragma once

#include "kernels/expert_ffn/panel_order.h"
#include "kernels/expert_ffn/row_order.h"
#include "kernels/expert_ffn/stream_order.h"
#include "kernels/expert_ffn/weight_gradients.h"

// ---- Tasks ----

static void run_task(void *context, int64_t task, int thread) {
    const expert_run *run = context;
    workspace *space = &run->spaces[thread];
    int64_t index = task / run->blocks, block = task % run->blocks;
    const row_range *range = &run->ranges[index];
    micro_kernel_begin();
    if (is_streamed(range) && run->large) {
        column_block columns = column_block_of(&run->current->b, block);
        stream_range(run, space, run->current, range, &columns);
    } else if (is_streamed(range)) {
        stream_products(run, space, range);
    } else if (run->large) {
        run_panels(run, space, range, block);
    } else {
        run_rows(run, space, index);
    }
    micro_kernel_end();
}

// Runs all ranges: where experts are large, product by product.
static void run_ranges(const kernel_context *context, expert_run *run) {
    for (int i = 0; i < (run->large ? run->product_count : 1); i++) {
        run->current = &run->products[i];
        run->blocks = run->large ? column_blocks(&run->current->b) : 1;
        parallel_for(context->threads, run->range_count * run->blocks, run_task, run);
    }
}

// out = Σ of each token's pair rows, in slot order.
static void combine_tokens(void *context, int64_t task, int thread) {
    (void)thread;
    const expert_run *run = context;
    const expert_grouping *g = run->call->grouping;
    bool skipping = served_of(run->call) < g->tokens * g->slots, rounded = run->out.type != TYPE_REAL;
    int64_t slots = g->slots, columns = run->out.cols;
    int64_t first = run->first_token + task * COMBINE_TOKENS,
            last = least(first + COMBINE_TOKENS, run->last_token);
    for (int64_t token = first; token < last; token++) {
        const float *rows = run->pair_rows + (token - run->first_token) * slots * run->pair_width;
        const int32_t *position = g->position + token * slots;
        void *out = matrix_row(run->out, token);
        for (int64_t i = 0; i < columns; i += LANES) {
            vec sum = vec_all(0);
            for (int64_t s = 0; s < slots; s++) {
                const float *at = rows + s * run->pair_width + i;
                if (skipping && position[s] < 0) continue;
                sum += vec_load(at);
                _mm_prefetch((const char *)(at + slots * run->pair_width), _MM_HINT_T0); // the next token's
            }
            if (rounded)
                store_operands((operand *)out + i, columns - i, sum);
            else
                store_row_end((float *)out + i, columns - i, sum);
        }
    }
}

static void combine_block(const kernel_context *context, expert_run *run) {
    THREADS_PART(context->threads, "experts: sums of tokens");
    parallel_for(
        context->threads, divide_up(run->last_token - run->first_token, COMBINE_TOKENS), combine_tokens, run);
}

// Runs all ranges of each block of tokens; they write one row per pair, and these are summed into out.
static sigmoe_status each_token_block(const kernel_context *context, expert_run *run, matrix out) {
    const expert_grouping *g = run->call->grouping;
    if (g->tokens == 0) return SIGMOE_OK;
    int64_t most_tokens = most(g->experts * BLOCK_ROWS / most(g->slots, 1), BLOCK_TOKENS);
    int64_t blocks = divide_up(g->tokens, most_tokens);
    run->out = out;
    run->direct = g->slots == 1 && served_of(run->call) == g->tokens && out.type == TYPE_REAL;
    run->pair_width = run->direct ? out.stride : round_up(out.cols, NR);
    if (!run->direct)
        TRY(ARENA_NEW_RAW(
            context->scratch, run->pair_rows, divide_up(g->tokens, blocks) * g->slots * run->pair_width));
    if (blocks > 1 && !run->large) TRY(share_weights(context, run));
    for (int64_t i = 0; i < blocks; i++) {
        run->first_token = even_cut(g->tokens, blocks, i);
        run->last_token = even_cut(g->tokens, blocks, i + 1);
        if (run->direct) run->pair_rows = matrix_row(out, run->first_token);
        take_ranges(run, run->last_token);
        run_ranges(context, run);
        if (!run->direct) combine_block(context, run);
    }
    return SIGMOE_OK;
}

static sigmoe_status all_tokens(const kernel_context *context, expert_run *run) {
    take_ranges(run, run->call->grouping->tokens);
    run_ranges(context, run);
    return SIGMOE_OK;
}

// Stores sums as a part of a pair's row, with the pair's share of the bias.
static void finish_pair(const expert_run *run, const finished_sums *f) {
    float *row = pair_row(run, f->position) + f->first;
    matrix bias = run->pair_bias;
    vec weight = vec_all(run->call->weight[run->call->grouping->pair[f->position]]);
    for (int64_t j = 0; j < f->count; j += LANES) {
        vec sum = vec_load(f->sums + j);
        if (bias.data)
            sum = vec_fma(weight,
                load_operands(operands(bias) + f->expert * bias.stride + f->first + j, f->count - j), sum);
        store_row_end(row + j, f->count - j, sum);
    }
}

// ---- Forward ----

static void pack_x(
    const expert_run *run, int64_t position, int64_t rows, int64_t term, int64_t terms, word *a) {
    pack_tokens(run, run->call->x, position, rows, term, terms, a);
}

static void queue_up(const expert_run *run, const tile_rows *t, prefetch_queue *queue) {
    queue_rows(queue, run->call->hidden, t->first, t->rows);
    queue_rows(queue, run->call->before, t->first, t->rows);
    queue_next_tokens(run->call->grouping, run->call->x, t, queue);
}

// The number of factor columns for each hidden channel, if they alternate.
static int64_t columns_per_channel(sigmoe_gate gate) {
    return gate == SIGMOE_GATE_INTERLEAVED ? 2 : 1;
}

// hidden, and (unless NULL) before, from sums and (unless NULL) a bias.
static inline __attribute__((always_inline)) void finish_channels(const expert_run *run,
    const finished_sums *f, const sigmoe_activation activation, const sigmoe_gate gate, const operand *bias,
    operand *before) {
    const expert_set *set = &run->call->set;
    operand *hidden = operands(run->call->hidden) + f->position * run->call->hidden.stride;
    int64_t first = f->first / columns_per_channel(gate), count = f->count / columns_per_channel(gate);
    for (int64_t j = 0; j < count; j += LANES) {
        int64_t channel = first + j, n = count - j;
        channel_vectors c = load_sums(gate, f->sums, f->width, j);
        if (bias) {
            channel_vectors b = load_channels(set, bias, channel, n);
            c = (channel_vectors){c.gate + b.gate, c.value + b.value};
        }
        if (before) store_channels(set, before, channel, n, c);
        store_operands(hidden + channel, n, hidden_of(activation, gate, c));
    }
}

static void finish_up(const expert_run *run, const finished_sums *f) {
    const expert_ffn_call *call = run->call;
    const expert_set *set = &call->set;
    operand *before = call->before.data ? operands(call->before) + f->position * call->before.stride : NULL;
    const operand *bias = set->up_bias.data ? operands(set->up_bias) + f->expert * set->up_bias.stride : NULL;
    if (!experts_need_before(set) && !bias && !before)
        finish_channels(
            run, f, SIGMOE_RELU, SIGMOE_GATE_NONE, NULL, NULL); // without a choice for each vector
    else
        finish_channels(run, f, set->activation, set->gate, bias, before);
}

static sigmoe_status up_products(const kernel_context *context, const expert_ffn_call *call) {
    expert_run run = {.call = call, .product_count = 1, .queue = queue_up};
    run.products[0] = (expert_product){up_factor(&call->set), call->packed, pack_x, finish_up, false};
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_new(context, &run);
    if (status == SIGMOE_OK) status = all_tokens(context, &run);
    arena_release(context->scratch, mark);
    return status;
}

static void pack_hidden(
    const expert_run *run, int64_t position, int64_t rows, int64_t term, int64_t terms, word *a) {
    hidden_row source[MR];
    for (int64_t r = 0; r < rows; r++) {
        source[r] = hidden_at(run->call, position + r);
        source[r].hidden += term;
        if (source[r].mask) source[r].mask += term;
    }
    pack_hidden_rows(source, rows, terms, a);
}

static void queue_down(const expert_run *run, const tile_rows *t, prefetch_queue *queue) {
    queue_hidden(run->call, t->first + t->rows, next_rows(t), queue);
}

// The packed factors of W2, which follow those of W1.
static const word *packed_down(const expert_ffn_call *call) {
    factor f = up_factor(&call->set);
    return call->packed ? (const word *)call->packed + call->set.experts * factor_words(&f) : NULL;
}

static sigmoe_status down_products(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    expert_run run = {
        .call = call, .product_count = 1, .queue = queue_down, .pair_bias = call->set.down_bias};
    run.products[0] =
        (expert_product){down_factor(&call->set), packed_down(call), pack_hidden, finish_pair, true};
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_new(context, &run);
    if (status == SIGMOE_OK) status = each_token_block(context, &run, y);
    arena_release(context->scratch, mark);
    return status;
}

// ---- Packed weights ----

static int64_t packed_set_bytes(const expert_set *set) {
    factor up = up_factor(set), down = down_factor(set);
    return set->experts * (factor_words(&up) + factor_words(&down)) * (int64_t)sizeof(word);
}

typedef struct pack_work {
    factor up, down;
    int64_t experts;
    word *packed;
} pack_work;

static void pack_expert(void *context, int64_t task, int thread) {
    (void)thread;
    const pack_work *work = context;
    const factor *f = task < work->experts ? &work->up : &work->down;
    word *start =
        task < work->experts ? work->packed : work->packed + work->experts * factor_words(&work->up);
    int64_t expert = task % work->experts;
    pack_factor(f, expert, start + expert * factor_words(f));
}

static void pack_set(const kernel_context *context, const expert_set *set, void *packed) {
    pack_work work = {up_factor(set), down_factor(set), set->experts, packed};
    parallel_for(context->threads, 2 * set->experts, pack_expert, &work);
}

// ---- Backward ----

static void pack_dy(
    const expert_run *run, int64_t position, int64_t rows, int64_t term, int64_t terms, word *a) {
    pack_tokens(run, run->gradients->dy, position, rows, term, terms, a);
}

static void pack_dbefore(
    const expert_run *run, int64_t position, int64_t rows, int64_t term, int64_t terms, word *a) {
    const operand *source[MR];
    for (int64_t r = 0; r < rows; r++)
        source[r] = operands(run->dbefore) + (position + r) * run->dbefore.stride + term;
    pack_rows(source, rows, terms, a);
}

static void queue_backward(const expert_run *run, const tile_rows *t, prefetch_queue *queue) {
    queue_hidden(run->call, t->first, t->rows, queue);
    if (experts_need_before(&run->call->set)) queue_rows(queue, run->call->before, t->first, t->rows);
    queue_rows(queue, run->dbefore, t->first, t->rows);
    queue_next_tokens(run->call->grouping, run->gradients->dy, t, queue);
}

// From the gradients of masked, weighted hidden channels to those before the activation, and a part of the gradient of the
// pair's weight.
static void finish_dhidden(const expert_run *run, const finished_sums *f) {
    const expert_ffn_call *call = run->call;
    const expert_set *set = &call->set;
    hidden_row row = hidden_at(call, f->position);
    bool need_before = experts_need_before(set);
    const operand *before = need_before ? operands(call->before) + f->position * call->before.stride : NULL;
    operand *dbefore = operands(run->dbefore) + f->position * run->dbefore.stride;
    vec dweight = vec_all(0);
    for (int64_t j = 0; j < f->count; j += LANES) {
        int64_t channel = f->first + j, n = f->count - j;
        vec hidden = load_operands(row.hidden + channel, n), d = load_row_end(f->sums + j, n);
        if (row.mask) d *= load_row_end(row.mask + channel, n);
        dweight = vec_fma(hidden, d, dweight);
        d *= vec_all(row.weight);
        if (need_before)
            store_channels(
                set, dbefore, channel, n, through_activation(set, load_channels(set, before, channel, n), d));
        else
            store_operands(dbefore + channel, n, vec_where_positive(hidden, d));
    }
    if (run->dweight_parts) run->dweight_parts[f->block * served_of(call) + f->position] = vec_sum(dweight);
}

static float dot_with_bias(const expert_run *run, int64_t expert, int64_t position) {
    matrix bias = run->call->set.down_bias;
    const operand *b = operands(bias) + expert * bias.stride,
                  *dy = token_at(run->call->grouping, run->gradients->dy, position);
    vec sum = vec_all(0);
    for (int64_t i = 0; i < bias.cols; i += LANES)
        sum = vec_fma(load_operands(b + i, bias.cols - i), load_operands(dy + i, bias.cols - i), sum);
    return vec_sum(sum);
}

// The gradients of the weights of an expert's pairs.
static void sum_dweight(void *context, int64_t expert, int thread) {
    (void)thread;
    const expert_run *run = context;
    const expert_ffn_call *call = run->call;
    const expert_grouping *g = call->grouping;
    int64_t served = served_of(call);
    for (int64_t p = g->offset[expert]; p < g->offset[expert + 1]; p++) {
        float sum = run->dweight_parts[p];
        for (int64_t block = 1; block < run->blocks; block++) sum += run->dweight_parts[block * served + p];
        if (call->set.down_bias.data) sum += dot_with_bias(run, expert, p);
        run->gradients->dweight[g->pair[p]] = sum;
    }
}

static void put_dweight(const kernel_context *context, expert_run *run) {
    const expert_grouping *g = run->call->grouping;
    float *dweight = run->gradients->dweight;
    if (!dweight) return;
    for (int64_t p = 0; served_of(run->call) < g->tokens * g->slots && p < g->tokens * g->slots; p++)
        if (g->position[p] < 0) dweight[p] = 0;
    run->blocks = run->large ? column_blocks(&run->products[0].b) : 1;
    parallel_for(context->threads, g->experts, sum_dweight, run);
}

static bool wants_channels(const expert_ffn_gradients *g) {
    return g->dx.data || g->dup.data || g->dup_bias.data || g->dweight;
}

// dbefore and dx, and the gradients of the pairs' weights.
static sigmoe_status backward_to_tokens(const kernel_context *context, expert_run *run) {
    const expert_ffn_gradients *g = run->gradients;
    int64_t served = served_of(run->call), channels = expert_channels(&run->call->set);
    TRY(matrix_new(context->scratch, run->call->x.type, served, round_up(channels, NR), &run->dbefore));
    run->dbefore.cols = channels;
    if (!wants_channels(g)) return SIGMOE_OK;
    if (g->dweight)
        TRY(ARENA_NEW_RAW(context->scratch, run->dweight_parts, column_blocks(&run->products[0].b) * served));
    TRY(g->dx.data ? each_token_block(context, run, g->dx) : all_tokens(context, run));
    put_dweight(context, run);
    return SIGMOE_OK;
}

static sigmoe_status backward_products(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    expert_run run = {.call = call, .gradients = gradients, .queue = queue_backward};
    factor up = up_factor(&call->set), down = down_factor(&call->set);
    run.products[run.product_count++] =
        (expert_product){transposed(down), NULL, pack_dy, finish_dhidden, false};
    if (gradients->dx.data)
        run.products[run.product_count++] =
            (expert_product){transposed(up), NULL, pack_dbefore, finish_pair, true};
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, run_new(context, &run));
    TRY_OR(done, backward_to_tokens(context, &run));
    TRY_OR(done, sum_weight_gradients(context, &run));
done:
    arena_release(context->scratch, mark);
    return status;
}
