// Ranges of experts whose packed factors stay in the private cache: rows are packed tile by tile, and each tile is multiplied by
// all panels of all products.
#pragma once

#include "kernels/expert_ffn/expert_run.h"

// The rows of one tile: sorted positions [first, first + rows).
struct tile_rows {
    int64_t expert, first, rows, after; // after: positions of the range that follow the tile
    int64_t index, count;               // index of the tile in its range, and their number
    int64_t next_expert; // expert whose weights this thread will probably need after this range, or -1
};

// ---- Weights ----

static void pack_weights(const expert_run *run, int64_t expert, word *packed) {
    for (int i = 0; i < run->product_count; i++) {
        pack_factor(&run->products[i].b, expert, packed);
        packed += factor_words(&run->products[i].b);
    }
}

static void share_weights_of(void *context, int64_t expert, int thread) {
    (void)thread;
    const expert_run *run = context;
    const int64_t *offset = run->call->grouping->offset;
    if (offset[expert] == offset[expert + 1]) return;
    pack_weights(run, expert, run->shared + expert * run->weight_words);
}

// Packs all weights in advance, for runs that visit each expert several times.
static sigmoe_status share_weights(const kernel_context *context, expert_run *run) {
    int64_t experts = run->call->grouping->experts;
    if (run->products[0].packed) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(context->scratch, run->shared, experts * run->weight_words));
    parallel_for(context->threads, experts, share_weights_of, run);
    return SIGMOE_OK;
}

// The packed factors of an expert, if they exist: the caller's, of the only product, or those shared by all threads.
static const word *weights_in_advance(const expert_run *run, int64_t expert) {
    const word *packed = run->products[0].packed ? run->products[0].packed : run->shared;
    return packed ? packed + expert * run->weight_words : NULL;
}

static void find_weights(const expert_run *run, workspace *space, int64_t expert) {
    if (space->expert == expert) return;
    space->expert = expert;
    const word *weights = weights_in_advance(run, expert);
    if (!weights) {
        pack_weights(run, expert, space->own);
        weights = space->own;
    }
    for (int i = 0; i < run->product_count; i++) {
        space->weights[i] = weights;
        weights += factor_words(&run->products[i].b);
    }
}

// ---- What is needed soon ----

static int64_t next_rows(const tile_rows *t) {
    return t->after < MR ? t->after : MR;
}

static void queue_next_tokens(
    const expert_grouping *g, matrix tokens, const tile_rows *t, prefetch_queue *queue) {
    for (int64_t r = 0; r < next_rows(t); r++)
        queue_operands(queue, token_at(g, tokens, t->first + t->rows + r), tokens.cols);
}

// Queues the tile's share of `bytes`.
static void queue_share(const void *start, int64_t bytes, const tile_rows *t, prefetch_queue *queue) {
    int64_t first = even_cut(bytes, t->count, t->index);
    prefetch_queue_add(queue, (const char *)start + first, even_cut(bytes, t->count, t->index + 1) - first);
}

static void queue_next_weights(const expert_run *run, const tile_rows *t, prefetch_queue *queue) {
    if (t->next_expert < 0) return;
    const word *weights = weights_in_advance(run, t->next_expert);
    if (weights) {
        queue_share(weights, run->weight_words * (int64_t)sizeof(word), t, queue);
        return;
    }
    for (int i = 0; i < run->product_count; i++) {
        const factor *f = &run->products[i].b;
        queue_share(
            factor_start(f, t->next_expert), f->terms * f->columns * (int64_t)sizeof(operand), t, queue);
    }
}

// ---- Tiles ----

// target rows = a · b for all panels of b; a row has room for `columns` sums.
static void multiply_rows(int64_t rows, float *const *target, int64_t columns, const factor *f, const word *a,
    const word *b, prefetch_queue *queue) {
    int64_t depth = depth_of(f->terms), width = factor_width(f);
    for (int64_t j = 0; j < width; j += NR, b += depth * NR) {
        micro_tile product = {
            .depth = depth, .a = a, .b = b, .c = target, .first = j, .cols = least(columns - j, NR)};
        prefetch_queue_take(queue, &product);
        micro_kernel_by_row(rows, &product);
    }
}

static void multiply_tile(
    const expert_run *run, int index, workspace *space, const tile_rows *t, prefetch_queue *queue) {
    const expert_product *product = &run->products[index];
    const factor *f = &product->b;
    int64_t width = factor_width(f);
    float *target[MR];
    for (int64_t r = 0; r < t->rows; r++)
        target[r] = product->to_pairs ? pair_row(run, t->first + r) : space->sums + r * width;
    product->pack(run, t->first, t->rows, 0, f->terms, space->a);
    int64_t columns = product->to_pairs && run->direct ? f->columns : width;
    multiply_rows(t->rows, target, columns, f, space->a, space->weights[index], queue);
    if (product->to_pairs && !run->pair_bias.data) return;
    for (int64_t r = 0; r < t->rows; r++)
        product->finish(run, &(finished_sums){.expert = t->expert,
                                 .position = t->first + r,
                                 .count = segment_columns(f),
                                 .sums = target[r],
                                 .width = segment_width(f)});
}

// Runs a range in even tiles of at most MR rows.
static void run_rows(const expert_run *run, workspace *space, int64_t task) {
    const row_range *range = &run->ranges[task];
    int64_t rows = range->last - range->first, tiles = divide_up(rows, MR);
    int64_t next_task = task + run->thread_count, next_expert = -1;
    if (next_task < run->range_count && run->ranges[next_task].expert != range->expert)
        next_expert = run->ranges[next_task].expert;
    find_weights(run, space, range->expert);
    for (int64_t i = 0; i < tiles; i++) {
        int64_t first = even_cut(rows, tiles, i), next = even_cut(rows, tiles, i + 1);
        tile_rows t = {.expert = range->expert,
            .first = range->first + first,
            .rows = next - first,
            .after = rows - next,
            .index = i,
            .count = tiles,
            .next_expert = next_expert};
        prefetch_queue queue;
        prefetch_queue_clear(&queue);
        run->queue(run, &t, &queue);
        queue_next_weights(run, &t, &queue);
        for (int p = 0; p < run->product_count; p++) multiply_tile(run, p, space, &t, &queue);
    }
}
