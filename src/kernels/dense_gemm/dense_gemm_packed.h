// Tiles of dense products from packed operands (packed/operands.h): one source for all operand types and processors. Included
// after operands and micro-kernels.
//
// k is split into blocks of depth. For each block, all rows of a are packed and fill most of the core's private cache; then b
// is packed panel by panel. Each panel is multiplied by all rows right after packing, while the source of the next one is
// prefetched.
#pragma once

#include "kernels/dense_gemm/gemm_tile.h"
#include "kernels/packed/pack.h"

enum {
    MOST_PANELS = (GEMM_MOST_ROWS + MR - 1) / MR,
    PANEL_A = MOST_DEPTH * PANEL_VECTORS * LANES, // packed by step, which needs more room than by row
    SIZE_A = MOST_PANELS * PANEL_A,
    SIZE_B = MOST_DEPTH * NR,
    SIZE_C = sizeof(operand) < sizeof(float) ? GEMM_MOST_ROWS * GEMM_MOST_COLS : 0, // for a c that is rounded
    SCRATCH = SIZE_A + SIZE_B + SIZE_C,
    ROW_STEP = MR > 32 ? 32 : 8, // AMX multiplies tile registers of 16 rows in pairs
    COL_STEP = NR,
};

// A tile and the block of depth being processed.
typedef struct gemm_block {
    const gemm_tile *tile;
    int64_t first, terms;        // of k
    int64_t panels;              // of a
    word *a, *b;                 // packed: the block's rows of a, and one panel of b
    float *rows[GEMM_MOST_ROWS]; // where their sums start: in c, or in scratch memory if c is rounded
    bool sums_by_panel;          // there is room for only one panel of columns
} gemm_block;

static bool last_block(const gemm_block *block) {
    return block->first + block->terms == block->tile->k;
}

static int64_t first_row(const gemm_block *block, int64_t panel) {
    return even_cut(block->tile->c.rows, block->panels, panel);
}

// ---- a ----

static word *panel_of_a(const gemm_block *block, int64_t panel) {
    int64_t depth = round_up(depth_of(block->terms), LANES);
    return block->tile->transpose_a ? block->a + panel * step_panel(block->terms)
                                    : block->a + first_row(block, panel) * depth;
}

static const operand *row_of_a(const gemm_block *block, int64_t row) {
    return (const operand *)block->tile->a + row * block->tile->stride_a + block->first;
}

static void prefetch_rows_of_a(const gemm_block *block, int64_t row, int64_t last) {
    for (; row < last; row++)
        for (int64_t k = 0; k < block->terms; k += LINE / (int64_t)sizeof(operand))
            __builtin_prefetch(row_of_a(block, row) + k);
}

static void pack_a(const gemm_block *block) {
    const gemm_tile *t = block->tile;
    if (t->transpose_a) {
        const operand *source = t->a;
        const operand *steps[MOST_TERMS];
        for (int64_t s = 0; s < block->terms; s++) steps[s] = source + (block->first + s) * t->stride_a;
        pack_steps(steps, block->terms, t->c.rows, block->a);
        return;
    }
    for (int64_t p = 0; p < block->panels; p++) {
        int64_t first = first_row(block, p), rows = first_row(block, p + 1) - first;
        const operand *row[MR];
        for (int64_t r = 0; r < rows; r++) row[r] = row_of_a(block, first + r);
        prefetch_rows_of_a(block, first + rows, least(first + rows + MR, t->c.rows));
        pack_rows(row, rows, block->terms, panel_of_a(block, p));
    }
}

// ---- b ----

static int64_t columns_from(const gemm_block *block, int64_t column) {
    return least(block->tile->c.cols - column, NR);
}

static const operand *source_of_b(const gemm_tile *t, int64_t term, int64_t column) {
    const operand *b = t->b;
    return t->transpose_b ? b + column * t->stride_b + term : b + term * t->stride_b + column;
}

static void pack_b(const gemm_block *block, int64_t column) {
    const gemm_tile *t = block->tile;
    const operand *source = source_of_b(t, block->first, column);
    if (t->transpose_b)
        pack_transposed(source, t->stride_b, block->terms, columns_from(block, column), block->b);
    else
        pack_columns(source, t->stride_b, block->terms, columns_from(block, column), block->b);
}

// Queues what pack_b reads after the panel at `column`: the next panel, or the first one of the next block.
static void queue_next_b(const gemm_block *block, int64_t column, prefetch_queue *queue) {
    const gemm_tile *t = block->tile;
    int64_t first = block->first, terms = block->terms, next = column + NR;
    if (next >= t->c.cols) {
        first += terms;
        terms = least(terms, t->k - first);
        next = 0;
    }
    int64_t size = sizeof(operand), columns = columns_from(block, next), stride = t->stride_b * size;
    prefetch_queue_clear(queue);
    if (terms <= 0) return;
    if (t->transpose_b)
        for (int64_t j = 0; j < columns; j++)
            prefetch_queue_add(queue, source_of_b(t, first, next + j), terms * size);
    else
        prefetch_queue_add_rows(queue, source_of_b(t, first, next), columns * size, terms, stride);
}

// ---- The product ----

static void multiply_panel(const gemm_block *block, int64_t column) {
    const gemm_tile *t = block->tile;
    prefetch_queue queue;
    queue_next_b(block, column, &queue);
    for (int64_t p = 0; p < block->panels; p++) {
        int64_t first = first_row(block, p);
        micro_tile product = {.depth = depth_of(block->terms),
            .a = panel_of_a(block, p),
            .b = block->b,
            .c = block->rows + first,
            .first = block->sums_by_panel ? 0 : column,
            .cols = columns_from(block, column),
            .accumulate = t->accumulate || block->first > 0};
        prefetch_queue_take(&queue, &product);
        if (t->transpose_a)
            micro_kernel_by_step(first_row(block, p + 1) - first, &product);
        else
            micro_kernel_by_row(first_row(block, p + 1) - first, &product);
    }
}

// Finishes a panel of columns while its sums are in the cache.
static void finish_panel(const gemm_block *block, int64_t column) {
    const gemm_tile *t = block->tile;
    bool rounded = t->c.type == TYPE_BF16;
    if (!rounded && !t->bias && !t->relu) return;
    int64_t columns = columns_from(block, column), offset = block->sums_by_panel ? 0 : column;
    for (int64_t i = 0; i < t->c.rows; i++) {
        const float *sums = block->rows[i] + offset;
        void *row = matrix_row(t->c, i);
        for (int64_t j = 0; j < columns; j += LANES) {
            int64_t n = columns - j;
            vec x = load_row_end(sums + j, n);
            if (t->bias) x += load_row_end(t->bias + column + j, n);
            if (t->relu) x = vec_max(x, vec_all(0));
            if (rounded)
                store_operands((operand *)row + column + j, n, x);
            else
                store_row_end((float *)row + column + j, n, x);
        }
    }
}

static void run_block(const gemm_block *block) {
    pack_a(block);
    for (int64_t column = 0; column < block->tile->c.cols; column += NR) {
        pack_b(block, column);
        multiply_panel(block, column);
        if (last_block(block)) finish_panel(block, column);
    }
}

static void point_to_sums(gemm_block *block, float *scratch) {
    matrix c = block->tile->c;
    int64_t stride = block->sums_by_panel ? NR : GEMM_MOST_COLS;
    for (int64_t i = 0; i < c.rows; i++)
        block->rows[i] = c.type == TYPE_BF16 ? scratch + i * stride : matrix_row(c, i);
}

static void tile(const gemm_tile *t, real *scratch) {
    int64_t step = block_terms(t->k);
    gemm_block block = {.tile = t, .panels = divide_up(t->c.rows, MR), .a = scratch, .b = scratch + SIZE_A};
    block.sums_by_panel = t->c.type == TYPE_BF16 && step >= t->k;
    point_to_sums(&block, scratch + SIZE_A + SIZE_B);
    micro_kernel_begin();
    for (; block.first < t->k; block.first += step) {
        block.terms = least(step, t->k - block.first);
        run_block(&block);
    }
    micro_kernel_end();
}
