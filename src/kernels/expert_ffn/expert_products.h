// The expert FFN as packed products (packed/operands.h): one source for all operand types and processors. Tasks of the forward
// and of the backward's first pass are ranges of one expert's rows. Tasks of the backward's second pass are slices of one
// expert's gradients, and each sums its rows in sorted order. Nothing depends on the number of threads.
//
// Products that return to tokens are stored as one row per pair and summed for each token in slot order. Tokens are processed
// in blocks, so that these rows stay in the last-level cache.
#pragma once

#include "kernels/expert_ffn/expert_run.h"

static void up_tile(expert_run *run, workspace *space, tile_rows *t) {
    const expert_ffn_call *call = run->call;
    int64_t size = call->set.expert_size;
    point_to_tokens(call->grouping, call->x, t);
    point_to_sums(run, space, t);
    pack_rows(t->source, t->rows, call->set.width, space->a);
    prefetch_queue queue;
    prefetch_queue_clear(&queue);
    queue_operands(&queue, operands(call->hidden) + t->first * size, t->rows * size);
    queue_next_tokens(call->grouping, call->x, t, &queue);
    queue_next_weights(run, t, &queue);
    multiply_rows(t, call->set.width, size, space->a, space->weights, &queue);
    for (int64_t r = 0; r < t->rows; r++) {
        operand *hidden = operands(call->hidden) + (t->first + r) * size;
        for (int64_t j = 0; j < size; j += LANES)
            store_operands(hidden + j, size - j, vec_max(vec_load(t->target[r] + j), vec_all(0)));
    }
}

static sigmoe_status up(const kernel_context *context, const expert_ffn_call *call) {
    expert_run run = {.call = call, .tile = up_tile, .weights = {call->set.up}, .weight_count = 1};
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_new(context, &run);
    if (status == SIGMOE_OK) {
        take_ranges(&run, call->grouping->tokens);
        parallel_for(context->threads, run.range_count, run_range, &run);
    }
    arena_release(context->scratch, mark);
    return status;
}

// out = Σ of each token's pair rows, in slot order.
static void combine_tokens(void *context, int64_t task, int thread) {
    (void)thread;
    const expert_run *run = context;
    int64_t slots = run->call->grouping->slots, d = run->call->set.width;
    int64_t first = run->first_token + task * COMBINE_TOKENS, last = first + COMBINE_TOKENS;
    if (last > run->last_token) last = run->last_token;
    for (int64_t token = first; token < last; token++) {
        const float *rows = run->pair_rows + (token - run->first_token) * slots * run->d_padded;
        float *out = matrix_real(run->out) + token * run->out.stride;
        for (int64_t i = 0; i < d; i += LANES) {
            vec sum = vec_all(0);
            for (int64_t s = 0; s < slots; s++) {
                const float *at = rows + s * run->d_padded + i;
                sum += vec_load(at);
                _mm_prefetch((const char *)(at + slots * run->d_padded), _MM_HINT_T0); // the next token's
            }
            store_row_end(out + i, d - i, sum);
        }
    }
}

// Runs all ranges of each block of tokens; they write one row per pair, and these are summed into out.
static sigmoe_status each_token_block(const kernel_context *context, expert_run *run, matrix out) {
    const expert_grouping *g = run->call->grouping;
    if (g->tokens == 0) return SIGMOE_OK;
    int64_t most = g->experts * BLOCK_ROWS / g->slots;
    if (most < BLOCK_TOKENS) most = BLOCK_TOKENS;
    int64_t blocks = block_count(g->tokens, most);
    TRY(ARENA_NEW_RAW(
        context->scratch, run->pair_rows, block_count(g->tokens, blocks) * g->slots * run->d_padded));
    run->out = out;
    if (blocks > 1) TRY(share_weights(context, run));
    for (int64_t i = 0; i < blocks; i++) {
        run->first_token = even_cut(g->tokens, blocks, i);
        run->last_token = even_cut(g->tokens, blocks, i + 1);
        take_ranges(run, run->last_token);
        parallel_for(context->threads, run->range_count, run_range, run);
        parallel_for(context->threads, block_count(run->last_token - run->first_token, COMBINE_TOKENS),
            combine_tokens, run);
    }
    return SIGMOE_OK;
}

static void down_tile(expert_run *run, workspace *space, tile_rows *t) {
    const expert_ffn_call *call = run->call;
    for (int64_t r = 0; r < t->rows; r++) t->hidden[r] = hidden_at(call, t->first + r);
    point_to_pair_rows(run, t);
    pack_hidden_rows(t->hidden, t->rows, call->set.expert_size, space->a);
    prefetch_queue queue;
    prefetch_queue_clear(&queue);
    queue_hidden(call, t->first + t->rows, next_rows(t), &queue);
    queue_next_weights(run, t, &queue);
    multiply_rows(t, call->set.expert_size, call->set.width, space->a, space->weights, &queue);
}

static sigmoe_status down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    expert_run run = {.call = call, .tile = down_tile, .weights = {call->set.down}, .weight_count = 1};
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_new(context, &run);
    if (status == SIGMOE_OK) status = each_token_block(context, &run, y);
    arena_release(context->scratch, mark);
    return status;
}

// From the gradient of a masked, weighted hidden row: returns the gradient of the pair's weight, and stores that before the
// ReLU.
static float hidden_gradient(const hidden_row *row, const float *dmasked, int64_t size, operand *dhidden) {
    vec dweight = vec_all(0);
    for (int64_t j = 0; j < size; j += LANES) {
        vec hidden = load_operands(row->hidden + j, size - j), d = vec_load(dmasked + j);
        if (row->mask) d *= load_row_end(row->mask + j, size - j);
        dweight = vec_fma(hidden, d, dweight);
        store_operands(dhidden + j, LANES, vec_where_positive(hidden, vec_all(row->weight) * d));
    }
    return vec_sum(dweight);
}

static void backward_tile(expert_run *run, workspace *space, tile_rows *t) {
    const expert_ffn_call *call = run->call;
    int64_t size = call->set.expert_size;
    point_to_tokens(call->grouping, run->gradients->dy, t);
    point_to_sums(run, space, t);
    pack_rows(t->source, t->rows, call->set.width, space->a);
    prefetch_queue queue;
    prefetch_queue_clear(&queue);
    queue_hidden(call, t->first, t->rows, &queue);
    queue_operands(&queue, run->dhidden + t->first * run->size_padded, t->rows * run->size_padded);
    queue_next_tokens(call->grouping, run->gradients->dy, t, &queue);
    queue_next_weights(run, t, &queue);
    multiply_rows(t, call->set.width, size, space->a, space->weights, &queue);
    for (int64_t r = 0; r < t->rows; r++) {
        int64_t position = t->first + r;
        operand *dhidden = run->dhidden + position * run->size_padded;
        hidden_row row = hidden_at(call, position);
        run->gradients->dweight[call->grouping->pair[position]] =
            hidden_gradient(&row, t->target[r], size, dhidden);
        t->source[r] = dhidden;
    }
    pack_rows(t->source, t->rows, size, space->a);
    point_to_pair_rows(run, t);
    multiply_rows(t, size, call->set.width, space->a, space->weights + run->weight_words, &queue);
}

// c [rows, columns] += aᵀ · b over `steps` packed steps.
static void add_product(int64_t steps, int64_t rows, int64_t columns, const workspace *space, float *c,
    int64_t stride, prefetch_queue *queue) {
    int64_t panels = block_count(rows, MR), depth = depth_of(steps);
    const word *b = space->steps_b;
    for (int64_t j = 0; j < columns; j += NR, b += depth * NR)
        for (int64_t p = 0; p < panels; p++) {
            int64_t first = even_cut(rows, panels, p), last = even_cut(rows, panels, p + 1);
            float *target[MR];
            for (int64_t r = first; r < last; r++) target[r - first] = c + r * stride;
            micro_tile product = {.depth = depth,
                .a = space->steps_a + p * step_panel(steps),
                .b = b,
                .c = target,
                .first = j,
                .cols = least(columns - j, NR),
                .accumulate = true};
            prefetch_queue_take(queue, &product);
            micro_kernel_by_step(last - first, &product);
        }
}

// Columns [column, column + columns) of d of one expert's dW2, or these rows of its dW1: sums over its positions. The two have
// no operand in common, so nothing is packed twice.
typedef struct gradient_slice {
    int64_t expert, column, columns;
    int64_t first, last; // positions
    bool down;           // dW2
} gradient_slice;

static int64_t slice_count(const expert_ffn_call *call) {
    return 2 * call->grouping->experts * block_count(call->set.width, SLICE);
}

static gradient_slice slice_of(const expert_ffn_call *call, int64_t task) {
    if (task >= slice_count(call)) return (gradient_slice){0};
    int64_t slices = block_count(call->set.width, SLICE), panels = block_count(call->set.width, NR);
    int64_t expert = task / 2 / slices, slice = task / 2 % slices;
    int64_t column = even_cut(panels, slices, slice) * NR, next = even_cut(panels, slices, slice + 1) * NR;
    return (gradient_slice){.expert = expert,
        .column = column,
        .columns = (next < call->set.width ? next : call->set.width) - column,
        .first = call->grouping->offset[expert],
        .last = call->grouping->offset[expert + 1],
        .down = task % 2};
}

static int64_t steps_from(const gradient_slice *slice, int64_t position) {
    int64_t left = slice->last - position;
    return left <= MOST_STEPS ? left : STEPS;
}

// The rows of x or of dy that the slice multiplies.
static matrix tokens_of(const expert_run *run, const gradient_slice *slice) {
    return slice->down ? run->gradients->dy : run->call->x;
}

// Queues what the slice packs from `position` on.
static void queue_steps(
    const expert_run *run, const gradient_slice *slice, int64_t position, prefetch_queue *queue) {
    int64_t steps = steps_from(slice, position), size = run->size_padded;
    if (slice->down)
        queue_hidden(run->call, position, steps, queue);
    else
        queue_operands(queue, run->dhidden + position * size, steps * size);
    matrix tokens = tokens_of(run, slice);
    for (int64_t s = 0; s < steps; s++)
        queue_operands(
            queue, token_at(run->call->grouping, tokens, position + s) + slice->column, slice->columns);
}

static void add_steps(const expert_run *run, const workspace *space, const gradient_slice *slice,
    int64_t position, prefetch_queue *queue) {
    const expert_ffn_call *call = run->call;
    int64_t d = call->set.width, size = call->set.expert_size, steps = steps_from(slice, position);
    matrix tokens = tokens_of(run, slice);
    const operand *rows[MOST_STEPS];
    for (int64_t s = 0; s < steps; s++)
        rows[s] = token_at(call->grouping, tokens, position + s) + slice->column;
    if (slice->down) {
        hidden_row hidden[MOST_STEPS];
        for (int64_t s = 0; s < steps; s++) hidden[s] = hidden_at(call, position + s);
        pack_hidden_steps(hidden, steps, size, space->steps_a);
        pack_gathered_columns(rows, steps, slice->columns, space->steps_b);
        float *ddown = matrix_real(run->gradients->ddown) + slice->expert * size * d + slice->column;
        add_product(steps, size, slice->columns, space, ddown, d, queue);
    } else {
        pack_steps(rows, steps, slice->columns, space->steps_a);
        pack_columns(
            run->dhidden + position * run->size_padded, run->size_padded, steps, size, space->steps_b);
        float *dup = matrix_real(run->gradients->dup) + (slice->expert * d + slice->column) * size;
        add_product(steps, slice->columns, size, space, dup, size, queue);
    }
}

static void weight_gradients(void *context, int64_t task, int thread) {
    const expert_run *run = context;
    gradient_slice slice = slice_of(run->call, task), later = slice_of(run->call, task + run->thread_count);
    micro_kernel_begin();
    for (int64_t p = slice.first, next; p < slice.last; p = next) {
        prefetch_queue queue;
        prefetch_queue_clear(&queue);
        next = p + steps_from(&slice, p);
        if (next < slice.last)
            queue_steps(run, &slice, next, &queue);
        else
            queue_steps(run, &later, later.first, &queue);
        add_steps(run, &run->spaces[thread], &slice, p, &queue);
    }
    micro_kernel_end();
}

static sigmoe_status backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    expert_run run = {.call = call,
        .gradients = gradients,
        .tile = backward_tile,
        .weights = {call->set.down, call->set.up},
        .weight_count = 2};
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, run_new(context, &run));
    TRY_OR(done, ARENA_NEW_RAW(context->scratch, run.dhidden, pairs_of(call) * run.size_padded));
    TRY_OR(done, each_token_block(context, &run, gradients->dx));
    parallel_for(context->threads, slice_count(call), weight_gradients, &run);
done:
    arena_release(context->scratch, mark);
    return status;
}
