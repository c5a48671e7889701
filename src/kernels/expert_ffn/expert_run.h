// A run over the tokens of all experts (expert_products.h): its memory, the row ranges that are its tasks, their packed
// weights, and what tiles of rows read and write.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"
#include "kernels/expert_ffn/hidden_rows.h"

enum {
    RANGE_ROWS = 384,            // at most, per task: enough to amortize packing the weights
    LAST_RANGE_ROWS = 128,       // for the last quarter of experts: threads finish at about the same time
    BLOCK_ROWS = 256,            // of an expert per block, on average: usually one range
    BLOCK_TOKENS = 1024,         // at least, per block
    STEPS = 128 * PER_WORD,      // rows that the second backward pass packs at once,
    MOST_STEPS = 160 * PER_WORD, // or up to this many, to avoid a remainder below STEPS / 4
    SLICE = 448,                 // columns of d per task of that pass, at most
    COMBINE_TOKENS = 64,         // per task
};

_Static_assert(QUEUE_SPANS >= MOST_STEPS + 2, "a chunk of steps must fit the queue");

// The sorted positions [first, last) of one expert.
typedef struct row_range {
    int64_t expert, first, last;
} row_range;

// The packing buffers of one thread.
typedef struct workspace {
    const word *weights; // packed, of `expert`
    int64_t expert;      // -1: none yet
    word *own;           // buffer for packed weights that are not shared
    word *a;             // rows of one tile
    float *sums;         // [MR, size_padded]
    word *steps_a, *steps_b;
} workspace;

typedef struct expert_run expert_run;
typedef struct tile_rows tile_rows;
typedef void tile_function(expert_run *run, workspace *space, tile_rows *rows);

struct expert_run {
    const expert_ffn_call *call;
    const expert_ffn_gradients *gradients;
    tile_function *tile;
    matrix weights[2]; // right operands; the backward uses their transposes
    int weight_count;
    int64_t weight_words;          // of one expert's matrix, packed
    word *shared;                  // [experts, weight_count, weight_words]; NULL: packed for each range
    int64_t d_padded, size_padded; // rounded up to NR
    workspace *spaces;
    row_range *ranges;
    int64_t range_count;
    int thread_count;
    int64_t *cursor;                 // [experts]: the first position that is not in any block yet
    matrix out;                      // y or dx
    int64_t first_token, last_token; // of the block
    float *pair_rows;                // [pairs of the block in token order, d_padded]
    operand *dhidden;                // [pairs, size_padded], by sorted position, zero-padded
};

static int64_t pairs_of(const expert_ffn_call *call) {
    return call->grouping->tokens * call->grouping->slots;
}

// Splits each expert's rows of tokens below `last_token`, from its cursor on, into ranges of even size.
static void take_ranges(expert_run *run, int64_t last_token) {
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
        int64_t rows = last - first,
                pieces = block_count(rows, 4 * e < 3 * g->experts ? RANGE_ROWS : LAST_RANGE_ROWS);
        for (int64_t i = 0; i < pieces; i++)
            run->ranges[run->range_count++] =
                (row_range){e, first + even_cut(rows, pieces, i), first + even_cut(rows, pieces, i + 1)};
        run->cursor[e] = last;
    }
}

static sigmoe_status workspace_new(arena *scratch, const expert_run *run, workspace *space) {
    int64_t d = run->call->set.width, size = run->call->set.expert_size;
    space->expert = -1;
    TRY(ARENA_NEW_RAW(scratch, space->own, run->weight_count * run->weight_words));
    TRY(ARENA_NEW_RAW(scratch, space->a, MR * round_up(depth_of(d > size ? d : size), LANES)));
    TRY(ARENA_NEW_RAW(scratch, space->sums, MR * run->size_padded));
    if (!run->gradients) return SIGMOE_OK;
    int64_t widest = size > SLICE ? size : SLICE;
    TRY(ARENA_NEW_RAW(scratch, space->steps_a, block_count(widest, MR) * step_panel(MOST_STEPS)));
    return ARENA_NEW_RAW(scratch, space->steps_b, round_up(widest, NR) * depth_of(MOST_STEPS));
}

// Completes a run; its call, gradients, tile and weights must be set.
static sigmoe_status run_new(const kernel_context *context, expert_run *run) {
    const expert_ffn_call *call = run->call;
    const expert_grouping *g = call->grouping;
    run->d_padded = round_up(call->set.width, NR);
    run->size_padded = round_up(call->set.expert_size, NR);
    int64_t from_d = depth_of(call->set.width) * run->size_padded;
    int64_t from_size = depth_of(call->set.expert_size) * run->d_padded;
    run->weight_words = from_d > from_size ? from_d : from_size;
    run->thread_count = threads_count(context->threads);
    TRY(ARENA_NEW_RAW(context->scratch, run->spaces, run->thread_count));
    for (int i = 0; i < run->thread_count; i++) TRY(workspace_new(context->scratch, run, &run->spaces[i]));
    TRY(ARENA_NEW_RAW(context->scratch, run->ranges, g->experts + pairs_of(call) / LAST_RANGE_ROWS));
    TRY(ARENA_NEW_RAW(context->scratch, run->cursor, g->experts));
    for (int64_t e = 0; e < g->experts; e++) run->cursor[e] = g->offset[e];
    return SIGMOE_OK;
}

// ---- Weights ----

static void pack_weights(const expert_run *run, int64_t expert, word *packed) {
    for (int i = 0; i < run->weight_count; i++, packed += run->weight_words) {
        matrix m = run->weights[i];
        int64_t rows = m.rows / run->call->grouping->experts;
        const operand *source = operands(m) + expert * rows * m.cols;
        if (run->gradients)
            pack_transposed(source, m.cols, m.cols, rows, packed);
        else
            pack_columns(source, m.cols, rows, m.cols, packed);
    }
}

static void share_weights_of(void *context, int64_t expert, int thread) {
    (void)thread;
    const expert_run *run = context;
    const int64_t *offset = run->call->grouping->offset;
    if (offset[expert] == offset[expert + 1]) return;
    pack_weights(run, expert, run->shared + expert * run->weight_count * run->weight_words);
}

// Packs all weights in advance, for runs that visit each expert several times.
static sigmoe_status share_weights(const kernel_context *context, expert_run *run) {
    int64_t experts = run->call->grouping->experts;
    TRY(ARENA_NEW_RAW(context->scratch, run->shared, experts * run->weight_count * run->weight_words));
    parallel_for(context->threads, experts, share_weights_of, run);
    return SIGMOE_OK;
}

static void find_weights(const expert_run *run, workspace *space, int64_t expert) {
    if (space->expert == expert) return;
    space->expert = expert;
    if (run->shared) {
        space->weights = run->shared + expert * run->weight_count * run->weight_words;
    } else {
        pack_weights(run, expert, space->own);
        space->weights = space->own;
    }
}

// ---- Tiles of rows ----

// The rows of one tile: sorted positions [first, first + rows), with pointers to what they read and write.
struct tile_rows {
    int64_t first, rows, after; // after: positions of the range that follow the tile
    int64_t index, count;       // index of the tile in its range, and their number
    int64_t next_expert;        // expert whose weights this thread will probably need after this range, or -1
    const operand *source[MR];
    hidden_row hidden[MR];
    float *target[MR];
};

static const operand *token_at(const expert_grouping *g, matrix tokens, int64_t position) {
    uint32_t token = (uint32_t)g->pair[position] / (uint32_t)g->slots;
    return operands(tokens) + token * tokens.stride;
}

static void point_to_tokens(const expert_grouping *g, matrix tokens, tile_rows *t) {
    for (int64_t r = 0; r < t->rows; r++) t->source[r] = token_at(g, tokens, t->first + r);
}

static int64_t next_rows(const tile_rows *t) {
    return t->after < MR ? t->after : MR;
}

static void queue_operands(prefetch_queue *queue, const operand *start, int64_t count) {
    prefetch_queue_add(queue, start, count * (int64_t)sizeof *start);
}

static void queue_next_tokens(
    const expert_grouping *g, matrix tokens, const tile_rows *t, prefetch_queue *queue) {
    for (int64_t r = 0; r < next_rows(t); r++)
        queue_operands(queue, token_at(g, tokens, t->first + t->rows + r), tokens.cols);
}

static void queue_hidden(const expert_ffn_call *call, int64_t first, int64_t rows, prefetch_queue *queue) {
    int64_t start = first * call->set.expert_size, count = rows * call->set.expert_size;
    queue_operands(queue, operands(call->hidden) + start, count);
    if (call->mask) prefetch_queue_add(queue, call->mask + start, count * (int64_t)sizeof *call->mask);
}

static hidden_row hidden_at(const expert_ffn_call *call, int64_t position) {
    int64_t start = position * call->set.expert_size;
    return (hidden_row){operands(call->hidden) + start, call->mask ? call->mask + start : NULL,
        call->weight[call->grouping->pair[position]]};
}

static void point_to_pair_rows(const expert_run *run, tile_rows *t) {
    const expert_grouping *g = run->call->grouping;
    for (int64_t r = 0; r < t->rows; r++)
        t->target[r] = run->pair_rows + (g->pair[t->first + r] - run->first_token * g->slots) * run->d_padded;
}

static void point_to_sums(const expert_run *run, const workspace *space, tile_rows *t) {
    for (int64_t r = 0; r < t->rows; r++) t->target[r] = space->sums + r * run->size_padded;
}

// Queues the tile's share of `bytes`.
static void queue_share(const void *start, int64_t bytes, const tile_rows *t, prefetch_queue *queue) {
    int64_t first = even_cut(bytes, t->count, t->index);
    prefetch_queue_add(queue, (const char *)start + first, even_cut(bytes, t->count, t->index + 1) - first);
}

static void queue_next_weights(const expert_run *run, const tile_rows *t, prefetch_queue *queue) {
    if (t->next_expert < 0) return;
    if (run->shared) {
        int64_t all = run->weight_count * run->weight_words;
        queue_share(run->shared + t->next_expert * all, all * (int64_t)sizeof(word), t, queue);
        return;
    }
    int64_t elements = run->call->set.width * run->call->set.expert_size;
    for (int i = 0; i < run->weight_count; i++)
        queue_share(operands(run->weights[i]) + t->next_expert * elements,
            elements * (int64_t)sizeof(operand), t, queue);
}

// target rows = a · b for all panels of b, which is packed [terms, columns].
static void multiply_rows(
    const tile_rows *t, int64_t terms, int64_t columns, const word *a, const word *b, prefetch_queue *queue) {
    int64_t depth = depth_of(terms);
    for (int64_t j = 0; j < columns; j += NR, b += depth * NR) {
        micro_tile product = {.depth = depth, .a = a, .b = b, .c = t->target, .first = j, .cols = NR};
        prefetch_queue_take(queue, &product);
        micro_kernel_by_row(t->rows, &product);
    }
}

// Runs a range in even tiles of at most MR rows.
static void run_range(void *context, int64_t task, int thread) {
    expert_run *run = context;
    workspace *space = &run->spaces[thread];
    const row_range *range = &run->ranges[task];
    int64_t rows = range->last - range->first, tiles = block_count(rows, MR);
    int64_t next_task = task + run->thread_count, next_expert = -1;
    if (next_task < run->range_count && run->ranges[next_task].expert != range->expert)
        next_expert = run->ranges[next_task].expert;
    find_weights(run, space, range->expert);
    micro_kernel_begin();
    for (int64_t i = 0; i < tiles; i++) {
        int64_t first = even_cut(rows, tiles, i), next = even_cut(rows, tiles, i + 1);
        tile_rows t = {.first = range->first + first,
            .rows = next - first,
            .after = rows - next,
            .index = i,
            .count = tiles,
            .next_expert = next_expert};
        run->tile(run, space, &t);
    }
    micro_kernel_end();
}
