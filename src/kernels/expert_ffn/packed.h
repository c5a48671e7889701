// The expert FFN on packed tiles: one source for every type of operands and every processor. A file of an implementation
// includes a header of words (what operands are and what is multiplied) and one of tiles (how) before this one. Tasks of the
// forward and of the backward's first pass are ranges of one expert's rows, whose weights are packed once a range; those of its
// second pass are slices of one expert's gradients, each of which adds its rows in sorted order. Nothing depends on the number
// of threads.
//
// Products that go back to tokens are kept as one row a pair and summed by token in slot order. Tokens are taken in blocks, so
// that those rows stay in the last cache.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"
#include "kernels/expert_ffn/packing.h"

enum {
    RANGE_ROWS = 384,       // at most in a task: enough to pay for packing weights
    BLOCK_ROWS = 256,       // of an expert in a block, on average: mostly one range
    BLOCK_TOKENS = 1024,    // at least in a block
    STEPS = 128 * PER_WORD, // rows that the second backward pass packs at once
    SLICE = 448,            // columns of d in its tasks, at most
    COMBINE_TOKENS = 64,    // in a task
};

_Static_assert(MOST_SPANS >= 2 * STEPS + 3, "a chunk of steps must fit the lookahead");

// Sorted positions [first, last) of one expert.
typedef struct row_range {
    int64_t expert, first, last;
} row_range;

// What one thread packs into.
typedef struct workspace {
    word *up, *down; // the weights of `expert`
    int64_t expert;  // -1: none yet
    word *a;         // rows of one tile
    float *sums;     // [ROWS, size_padded]
    word *steps_a, *steps_b;
} workspace;

typedef struct packed_run {
    const expert_ffn_call *call;
    const expert_ffn_gradients *gradients;
    int64_t d_padded, size_padded; // to COLS
    workspace *spaces;
    row_range *ranges;
    int64_t range_count;
    int thread_count;
    int64_t *cursor;                 // [experts]: the first position that no block has taken yet
    matrix out;                      // y or dx
    int64_t first_token, last_token; // of the block
    float *pair_rows;                // [pairs of the block in token order, d_padded]
    operand *dhidden;                // [pairs, size_padded], by sorted position, zero-padded
} packed_run;

static int64_t pairs_of(const expert_ffn_call *call) {
    return call->grouping->tokens * call->grouping->slots;
}

// Cuts each expert's rows of tokens below `last_token`, from its cursor on, into ranges of even size.
static void take_ranges(packed_run *run, int64_t last_token) {
    const expert_grouping *g = run->call->grouping;
    run->range_count = 0;
    for (int64_t e = 0; e < g->experts; e++) {
        int64_t first = run->cursor[e], last = first;
        for (int64_t high = g->offset[e + 1]; last < high;) {
            int64_t middle = last + (high - last) / 2;
            if (g->pair[middle] / g->slots < last_token)
                last = middle + 1;
            else
                high = middle;
        }
        int64_t rows = last - first, pieces = block_count(rows, RANGE_ROWS);
        for (int64_t i = 0; i < pieces; i++)
            run->ranges[run->range_count++] =
                (row_range){e, first + even_cut(rows, pieces, i), first + even_cut(rows, pieces, i + 1)};
        run->cursor[e] = last;
    }
}

static sigmoe_status workspace_new(arena *scratch, const packed_run *run, workspace *space) {
    int64_t d = run->call->width, size = run->call->expert_size;
    int64_t deepest = depth_of(d > size ? d : size);
    int64_t weights = depth_of(d) * padded(size, COLS), transposed = depth_of(size) * padded(d, COLS);
    if (weights < transposed) weights = transposed;
    space->expert = -1;
    TRY(ARENA_NEW_RAW(scratch, space->up, weights));
    TRY(ARENA_NEW_RAW(scratch, space->down, weights));
    TRY(ARENA_NEW_RAW(scratch, space->a, ROWS * padded(deepest, LANES)));
    TRY(ARENA_NEW_RAW(scratch, space->sums, ROWS * run->size_padded));
    if (!run->gradients) return SIGMOE_OK;
    int64_t widest = size > SLICE ? size : SLICE;
    TRY(ARENA_NEW_RAW(scratch, space->steps_a, block_count(widest, ROWS) * step_panel(STEPS)));
    return ARENA_NEW_RAW(scratch, space->steps_b, padded(widest, COLS) * depth_of(STEPS));
}

static sigmoe_status run_new(const kernel_context *context, const expert_ffn_call *call,
    const expert_ffn_gradients *gradients, packed_run *run) {
    const expert_grouping *g = call->grouping;
    *run = (packed_run){.call = call,
        .gradients = gradients,
        .d_padded = padded(call->width, COLS),
        .size_padded = padded(call->expert_size, COLS),
        .thread_count = threads_count(context->threads)};
    TRY(ARENA_NEW_RAW(context->scratch, run->spaces, run->thread_count));
    for (int i = 0; i < run->thread_count; i++) TRY(workspace_new(context->scratch, run, &run->spaces[i]));
    TRY(ARENA_NEW_RAW(context->scratch, run->ranges, g->experts + pairs_of(call) / RANGE_ROWS));
    TRY(ARENA_NEW_RAW(context->scratch, run->cursor, g->experts));
    for (int64_t e = 0; e < g->experts; e++) run->cursor[e] = g->offset[e];
    return SIGMOE_OK;
}

// The rows of one tile: sorted positions [first, first + rows), pointers to what they read and write.
typedef struct tile_rows {
    int64_t first, rows, after; // positions of the range that follow
    int64_t index, count;       // this tile of the range's
    int64_t next_expert;        // whose weights this thread is likely to want after this range, or -1
    const operand *source[ROWS];
    hidden_row hidden[ROWS];
    float *target[ROWS];
} tile_rows;

static const operand *token_at(const expert_grouping *g, matrix tokens, int64_t position) {
    uint32_t token = (uint32_t)g->pair[position] / (uint32_t)g->slots;
    return operands(tokens) + token * tokens.stride;
}

static void point_to_tokens(const expert_grouping *g, matrix tokens, tile_rows *t) {
    for (int64_t r = 0; r < t->rows; r++) t->source[r] = token_at(g, tokens, t->first + r);
}

static int64_t next_rows(const tile_rows *t) {
    return t->after < ROWS ? t->after : ROWS;
}

static void want_operands(lookahead *soon, const operand *start, int64_t count) {
    want_soon(soon, start, count * (int64_t)sizeof *start);
}

static void want_next_tokens(const expert_grouping *g, matrix tokens, const tile_rows *t, lookahead *soon) {
    for (int64_t r = 0; r < next_rows(t); r++)
        want_operands(soon, token_at(g, tokens, t->first + t->rows + r), tokens.cols);
}

static void want_hidden(const expert_ffn_call *call, int64_t first, int64_t rows, lookahead *soon) {
    int64_t start = first * call->expert_size, count = rows * call->expert_size;
    want_operands(soon, operands(call->hidden) + start, count);
    if (call->mask) want_soon(soon, call->mask + start, count * (int64_t)sizeof *call->mask);
}

static hidden_row hidden_at(const expert_ffn_call *call, int64_t position) {
    int64_t start = position * call->expert_size;
    return (hidden_row){operands(call->hidden) + start, call->mask ? call->mask + start : NULL,
        call->weight[call->grouping->pair[position]]};
}

static void point_to_pair_rows(const packed_run *run, tile_rows *t) {
    const expert_grouping *g = run->call->grouping;
    for (int64_t r = 0; r < t->rows; r++)
        t->target[r] = run->pair_rows + (g->pair[t->first + r] - run->first_token * g->slots) * run->d_padded;
}

static void point_to_sums(const packed_run *run, const workspace *space, tile_rows *t) {
    for (int64_t r = 0; r < t->rows; r++) t->target[r] = space->sums + r * run->size_padded;
}

// The tile's share of the next expert's weights.
static void want_next_weights(
    const expert_ffn_call *call, const operand *weights, const tile_rows *t, lookahead *soon) {
    if (t->next_expert < 0) return;
    int64_t elements = call->width * call->expert_size, first = even_cut(elements, t->count, t->index);
    want_operands(soon, weights + t->next_expert * elements + first,
        even_cut(elements, t->count, t->index + 1) - first);
}

// target rows = a · b for all panels of b: [terms, columns] packed.
static void multiply_rows(
    const tile_rows *t, int64_t terms, int64_t columns, const word *a, const word *b, lookahead *soon) {
    int64_t depth = depth_of(terms);
    for (int64_t j = 0; j < columns; j += COLS, b += depth * COLS) {
        tile product = {.depth = depth, .a = a, .b = b, .c = t->target, .first = j};
        take_ahead(soon, &product);
        store_tile(t->rows, &product);
    }
}

// Calls `function` for even tiles of at most ROWS rows of the task's range.
typedef void tile_function(packed_run *run, workspace *space, tile_rows *rows);
static void each_tile(packed_run *run, int64_t task, workspace *space, tile_function *function) {
    const row_range *range = &run->ranges[task];
    int64_t rows = range->last - range->first, tiles = block_count(rows, ROWS);
    int64_t next_task = task + run->thread_count, next_expert = -1;
    if (next_task < run->range_count && run->ranges[next_task].expert != range->expert)
        next_expert = run->ranges[next_task].expert;
    begin_tiles();
    for (int64_t i = 0; i < tiles; i++) {
        int64_t first = even_cut(rows, tiles, i), next = even_cut(rows, tiles, i + 1);
        tile_rows t = {.first = range->first + first,
            .rows = next - first,
            .after = rows - next,
            .index = i,
            .count = tiles,
            .next_expert = next_expert};
        function(run, space, &t);
    }
    end_tiles();
}

static void up_tile(packed_run *run, workspace *space, tile_rows *t) {
    const expert_ffn_call *call = run->call;
    int64_t size = call->expert_size;
    point_to_tokens(call->grouping, call->x, t);
    point_to_sums(run, space, t);
    pack_rows(t->source, t->rows, call->width, space->a);
    lookahead soon;
    want_nothing(&soon);
    want_operands(&soon, operands(call->hidden) + t->first * size, t->rows * size);
    want_next_tokens(call->grouping, call->x, t, &soon);
    want_next_weights(call, operands(call->up), t, &soon);
    multiply_rows(t, call->width, size, space->a, space->up, &soon);
    for (int64_t r = 0; r < t->rows; r++) {
        operand *hidden = operands(call->hidden) + (t->first + r) * size;
        for (int64_t j = 0; j < size; j += LANES)
            store_operands(hidden + j, size - j, vec_max(vec_load(t->target[r] + j), vec_all(0)));
    }
}

static void up_range(void *context, int64_t task, int thread) {
    packed_run *run = context;
    const expert_ffn_call *call = run->call;
    workspace *space = &run->spaces[thread];
    const row_range *range = &run->ranges[task];
    if (space->expert != range->expert)
        pack_columns(operands(call->up) + range->expert * call->width * call->expert_size, call->expert_size,
            call->width, call->expert_size, space->up);
    space->expert = range->expert;
    each_tile(run, task, space, up_tile);
}

static sigmoe_status up(const kernel_context *context, const expert_ffn_call *call) {
    packed_run run;
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_new(context, call, NULL, &run);
    if (status == SIGMOE_OK) {
        take_ranges(&run, call->grouping->tokens);
        parallel_for(context->threads, run.range_count, up_range, &run);
    }
    arena_release(context->scratch, mark);
    return status;
}

// out = Σ of each token's pair rows in slot order.
static void combine_tokens(void *context, int64_t task, int thread) {
    (void)thread;
    const packed_run *run = context;
    int64_t slots = run->call->grouping->slots, d = run->call->width;
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
            store_existing(out + i, d - i, sum);
        }
    }
}

// Runs `function` on all ranges of each block of tokens; it leaves a row a pair, which are summed into out.
static sigmoe_status each_token_block(
    const kernel_context *context, packed_run *run, task_function *function, matrix out) {
    const expert_grouping *g = run->call->grouping;
    if (g->tokens == 0) return SIGMOE_OK;
    int64_t most = g->experts * BLOCK_ROWS / g->slots;
    if (most < BLOCK_TOKENS) most = BLOCK_TOKENS;
    int64_t blocks = block_count(g->tokens, most);
    TRY(ARENA_NEW_RAW(
        context->scratch, run->pair_rows, block_count(g->tokens, blocks) * g->slots * run->d_padded));
    run->out = out;
    for (int64_t i = 0; i < blocks; i++) {
        run->first_token = even_cut(g->tokens, blocks, i);
        run->last_token = even_cut(g->tokens, blocks, i + 1);
        take_ranges(run, run->last_token);
        parallel_for(context->threads, run->range_count, function, run);
        parallel_for(context->threads, block_count(run->last_token - run->first_token, COMBINE_TOKENS),
            combine_tokens, run);
    }
    return SIGMOE_OK;
}

static void down_tile(packed_run *run, workspace *space, tile_rows *t) {
    const expert_ffn_call *call = run->call;
    for (int64_t r = 0; r < t->rows; r++) t->hidden[r] = hidden_at(call, t->first + r);
    point_to_pair_rows(run, t);
    pack_hidden_rows(t->hidden, t->rows, call->expert_size, space->a);
    lookahead soon;
    want_nothing(&soon);
    want_hidden(call, t->first + t->rows, next_rows(t), &soon);
    want_next_weights(call, operands(call->down), t, &soon);
    multiply_rows(t, call->expert_size, call->width, space->a, space->down, &soon);
}

static void down_range(void *context, int64_t task, int thread) {
    packed_run *run = context;
    const expert_ffn_call *call = run->call;
    workspace *space = &run->spaces[thread];
    const row_range *range = &run->ranges[task];
    if (space->expert != range->expert)
        pack_columns(operands(call->down) + range->expert * call->width * call->expert_size, call->width,
            call->expert_size, call->width, space->down);
    space->expert = range->expert;
    each_tile(run, task, space, down_tile);
}

static sigmoe_status down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    packed_run run;
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_new(context, call, NULL, &run);
    if (status == SIGMOE_OK) status = each_token_block(context, &run, down_range, y);
    arena_release(context->scratch, mark);
    return status;
}

// From the gradient of the masked, weighted hidden row: that of the pair's weight (returned) and of the row before ReLU.
static float hidden_gradient(const hidden_row *row, const float *dmasked, int64_t size, operand *dhidden) {
    vec dweight = vec_all(0);
    for (int64_t j = 0; j < size; j += LANES) {
        vec hidden = load_operands(row->hidden + j, size - j), d = vec_load(dmasked + j);
        if (row->mask) d *= load_existing(row->mask + j, size - j);
        dweight = vec_fma(hidden, d, dweight);
        store_operands(dhidden + j, LANES, vec_where_positive(hidden, vec_all(row->weight) * d));
    }
    return vec_sum(dweight);
}

static void backward_tile(packed_run *run, workspace *space, tile_rows *t) {
    const expert_ffn_call *call = run->call;
    int64_t size = call->expert_size;
    point_to_tokens(call->grouping, run->gradients->dy, t);
    point_to_sums(run, space, t);
    pack_rows(t->source, t->rows, call->width, space->a);
    lookahead soon;
    want_nothing(&soon);
    want_hidden(call, t->first, t->rows, &soon);
    want_operands(&soon, run->dhidden + t->first * run->size_padded, t->rows * run->size_padded);
    want_next_tokens(call->grouping, run->gradients->dy, t, &soon);
    want_next_weights(call, operands(call->down), t, &soon);
    want_next_weights(call, operands(call->up), t, &soon);
    multiply_rows(t, call->width, size, space->a, space->down, &soon);
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
    multiply_rows(t, size, call->width, space->a, space->up, &soon);
}

static void backward_range(void *context, int64_t task, int thread) {
    packed_run *run = context;
    const expert_ffn_call *call = run->call;
    workspace *space = &run->spaces[thread];
    const row_range *range = &run->ranges[task];
    int64_t start = range->expert * call->width * call->expert_size;
    if (space->expert != range->expert) {
        pack_transposed(operands(call->down) + start, call->width, call->expert_size, space->down);
        pack_transposed(operands(call->up) + start, call->expert_size, call->width, space->up);
    }
    space->expert = range->expert;
    each_tile(run, task, space, backward_tile);
}

// c [rows, columns] += aᵀ · b over `steps` packed steps.
static void add_product(int64_t steps, int64_t rows, int64_t columns, const workspace *space, float *c,
    int64_t stride, lookahead *soon) {
    int64_t panels = block_count(rows, ROWS), depth = depth_of(steps);
    const word *b = space->steps_b;
    for (int64_t j = 0; j < columns; j += COLS, b += depth * COLS)
        for (int64_t p = 0; p < panels; p++) {
            int64_t first = even_cut(rows, panels, p), last = even_cut(rows, panels, p + 1);
            float *target[ROWS];
            for (int64_t r = first; r < last; r++) target[r - first] = c + r * stride;
            tile product = {.depth = depth,
                .a = space->steps_a + p * step_panel(steps),
                .b = b,
                .c = target,
                .first = j,
                .cols = columns - j < COLS ? columns - j : COLS};
            take_ahead(soon, &product);
            add_tile(last - first, &product);
        }
}

// Columns [column, column + columns) of d of one expert's dW2, or the same rows of its dW1: sums over its positions. The two
// have no operand in common, so that nothing is packed twice.
typedef struct gradient_slice {
    int64_t expert, column, columns;
    int64_t first, last; // positions
    bool down;           // dW2
} gradient_slice;

static int64_t slice_count(const expert_ffn_call *call) {
    return 2 * call->grouping->experts * block_count(call->width, SLICE);
}

static gradient_slice slice_of(const expert_ffn_call *call, int64_t task) {
    if (task >= slice_count(call)) return (gradient_slice){0};
    int64_t slices = block_count(call->width, SLICE), panels = block_count(call->width, COLS);
    int64_t expert = task / 2 / slices, slice = task / 2 % slices;
    int64_t column = even_cut(panels, slices, slice) * COLS,
            next = even_cut(panels, slices, slice + 1) * COLS;
    return (gradient_slice){.expert = expert,
        .column = column,
        .columns = (next < call->width ? next : call->width) - column,
        .first = call->grouping->offset[expert],
        .last = call->grouping->offset[expert + 1],
        .down = task % 2};
}

static int64_t steps_from(const gradient_slice *slice, int64_t position) {
    int64_t left = slice->last - position;
    return left < STEPS ? left : STEPS;
}

// The rows of x, or of dy, that the slice multiplies.
static matrix tokens_of(const packed_run *run, const gradient_slice *slice) {
    return slice->down ? run->gradients->dy : run->call->x;
}

// What the slice packs from `position` on.
static void want_steps(
    const packed_run *run, const gradient_slice *slice, int64_t position, lookahead *soon) {
    int64_t steps = steps_from(slice, position), size = run->size_padded;
    if (slice->down)
        want_hidden(run->call, position, steps, soon);
    else
        want_operands(soon, run->dhidden + position * size, steps * size);
    matrix tokens = tokens_of(run, slice);
    for (int64_t s = 0; s < steps; s++)
        want_operands(
            soon, token_at(run->call->grouping, tokens, position + s) + slice->column, slice->columns);
}

static void add_steps(const packed_run *run, const workspace *space, const gradient_slice *slice,
    int64_t position, lookahead *soon) {
    const expert_ffn_call *call = run->call;
    int64_t d = call->width, size = call->expert_size, steps = steps_from(slice, position);
    matrix tokens = tokens_of(run, slice);
    const operand *rows[STEPS];
    for (int64_t s = 0; s < steps; s++)
        rows[s] = token_at(call->grouping, tokens, position + s) + slice->column;
    if (slice->down) {
        hidden_row hidden[STEPS];
        for (int64_t s = 0; s < steps; s++) hidden[s] = hidden_at(call, position + s);
        pack_hidden_steps(hidden, steps, size, space->steps_a);
        pack_gathered_columns(rows, steps, slice->columns, space->steps_b);
        float *ddown = run->gradients->ddown + slice->expert * size * d + slice->column;
        add_product(steps, size, slice->columns, space, ddown, d, soon);
    } else {
        pack_steps(rows, steps, slice->columns, space->steps_a);
        pack_columns(
            run->dhidden + position * run->size_padded, run->size_padded, steps, size, space->steps_b);
        float *dup = run->gradients->dup + (slice->expert * d + slice->column) * size;
        add_product(steps, slice->columns, size, space, dup, size, soon);
    }
}

static void weight_gradients(void *context, int64_t task, int thread) {
    const packed_run *run = context;
    gradient_slice slice = slice_of(run->call, task), later = slice_of(run->call, task + run->thread_count);
    begin_tiles();
    for (int64_t p = slice.first; p < slice.last; p += STEPS) {
        lookahead soon;
        want_nothing(&soon);
        if (p + STEPS < slice.last)
            want_steps(run, &slice, p + STEPS, &soon);
        else
            want_steps(run, &later, later.first, &soon);
        add_steps(run, &run->spaces[thread], &slice, p, &soon);
    }
    end_tiles();
}

static sigmoe_status backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    packed_run run;
    sigmoe_status status;
    arena_mark mark = arena_here(context->scratch);
    TRY_OR(done, run_new(context, call, gradients, &run));
    TRY_OR(done, ARENA_NEW_RAW(context->scratch, run.dhidden, pairs_of(call) * run.size_padded));
    TRY_OR(done, each_token_block(context, &run, backward_range, gradients->dx));
    parallel_for(context->threads, slice_count(call), weight_gradients, &run);
done:
    arena_release(context->scratch, mark);
    return status;
}
