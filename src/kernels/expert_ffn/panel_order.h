// Ranges of experts whose factors are larger than the private cache. A task is a range and a block of columns. As in a dense
// product (dense_gemm_packed.h), depth is split into blocks: the range's rows are packed, and then each panel of columns is
// packed and multiplied by all of them, while the source of the next one is prefetched. The sums stay in the cache, too, until
// all blocks of depth are added.
#pragma once

#include "kernels/expert_ffn/expert_run.h"

// The columns [first, first + count) of each segment that a block consists of.
typedef struct column_block {
    int64_t index, first, count;
} column_block;

// A task and the block of depth that it is at.
typedef struct panel_task {
    const expert_run *run;
    const expert_product *product;
    const row_range *range;
    column_block columns;
    int64_t rows, tiles;
    int64_t width; // of a segment's sums
    word *a, *b;
    float *sums; // [rows, segments, width]
    int64_t term, terms;
} panel_task;

static int64_t column_blocks(const factor *f) {
    return divide_up(factor_width(f), LARGE_COLUMNS);
}

static column_block column_block_of(const factor *f, int64_t index) {
    int64_t panels = segment_width(f) / NR, blocks = column_blocks(f);
    int64_t first = even_cut(panels, blocks, index) * NR, next = even_cut(panels, blocks, index + 1) * NR;
    return (column_block){index, first, least(next, segment_columns(f)) - first};
}

static int64_t first_row_of(const panel_task *task, int64_t tile) {
    return even_cut(task->rows, task->tiles, tile);
}

static word *tile_of_a(const panel_task *task, int64_t tile) {
    return task->a + first_row_of(task, tile) * round_up(depth_of(task->terms), LANES);
}

static factor_part part_at(const panel_task *task, int64_t segment, int64_t column) {
    int64_t left = task->columns.first + task->columns.count - column;
    return (factor_part){.expert = task->range->expert,
        .segment = segment,
        .column = column,
        .columns = least(left, NR),
        .term = task->term,
        .terms = task->terms};
}

// The panel at a column of a segment: in the caller's packed weights, or packed here.
static const word *panel_at(const panel_task *task, int64_t segment, int64_t column) {
    const factor *f = &task->product->b;
    if (task->product->packed) {
        int64_t depth = depth_of(f->terms), panel = segment * segment_width(f) + column;
        return task->product->packed + task->range->expert * factor_words(f) + panel * depth +
               task->term / PER_WORD * NR;
    }
    factor_part part = part_at(task, segment, column);
    pack_part(f, &part, task->b);
    return task->b;
}

// Queues what panel_at reads for the panel after this one.
static void queue_next_panel(const panel_task *task, int64_t segment, int64_t column, prefetch_queue *queue) {
    const factor *f = &task->product->b;
    column += NR;
    if (column >= task->columns.first + task->columns.count) {
        column = task->columns.first;
        if (++segment == f->segments) return;
    }
    factor_part part = part_at(task, segment, column);
    if (task->product->packed)
        prefetch_queue_add(
            queue, panel_at(task, segment, column), depth_of(task->terms) * NR * (int64_t)sizeof(word));
    else
        queue_part(f, &part, queue);
}

static void multiply_column_panel(const panel_task *task, int64_t segment, int64_t column) {
    int64_t first = segment * task->width + column - task->columns.first;
    int64_t stride = task->product->b.segments * task->width;
    const word *b = panel_at(task, segment, column);
    prefetch_queue queue;
    prefetch_queue_clear(&queue);
    queue_next_panel(task, segment, column, &queue);
    for (int64_t i = 0; i < task->tiles; i++) {
        int64_t row = first_row_of(task, i), rows = first_row_of(task, i + 1) - row;
        float *target[MR];
        for (int64_t r = 0; r < rows; r++) target[r] = task->sums + (row + r) * stride;
        micro_tile product = {.depth = depth_of(task->terms),
            .a = tile_of_a(task, i),
            .b = b,
            .c = target,
            .first = first,
            .cols = NR,
            .accumulate = task->term > 0};
        prefetch_queue_take(&queue, &product);
        micro_kernel_by_row(rows, &product);
    }
}

static void multiply_depth_block(const panel_task *task) {
    for (int64_t i = 0; i < task->tiles; i++) {
        int64_t row = first_row_of(task, i), rows = first_row_of(task, i + 1) - row;
        task->product->pack(
            task->run, task->range->first + row, rows, task->term, task->terms, tile_of_a(task, i));
    }
    int64_t first = task->columns.first, last = first + task->columns.count;
    for (int64_t segment = 0; segment < task->product->b.segments; segment++)
        for (int64_t column = first; column < last; column += NR)
            multiply_column_panel(task, segment, column);
}

static void finish_rows(const expert_run *run, const expert_product *product, const row_range *range,
    const column_block *columns, const float *sums, int64_t width) {
    for (int64_t p = range->first; p < range->last; p++, sums += product->b.segments * width)
        product->finish(run, &(finished_sums){.expert = range->expert,
                                 .position = p,
                                 .first = columns->first,
                                 .count = columns->count,
                                 .block = columns->index,
                                 .sums = sums,
                                 .width = width});
}

static void run_panels(const expert_run *run, workspace *space, const row_range *range, int64_t block) {
    const factor *f = &run->current->b;
    panel_task task = {.run = run,
        .product = run->current,
        .range = range,
        .columns = column_block_of(f, block),
        .rows = range->last - range->first,
        .tiles = divide_up(range->last - range->first, MR),
        .a = space->a,
        .b = space->b,
        .sums = space->sums};
    int64_t step = block_terms(f->terms);
    task.width = sums_width(task.columns.count);
    for (; task.term < f->terms; task.term += step) {
        task.terms = least(step, f->terms - task.term);
        multiply_depth_block(&task);
    }
    finish_rows(run, task.product, range, &task.columns, task.sums, task.width);
}
