// Ranges of few rows: their weights are read once, as fast as memory delivers them, and not packed. Weights of a column that are
// contiguous are multiplied as dot products, column after column; where the columns of a term are contiguous, the sums of
// many columns grow by several terms at a time (in the order of terms, as in a micro-kernel).
#pragma once

#include "kernels/expert_ffn/expert_run.h"
#include "kernels/expert_ffn/panel_order.h"
#include "kernels/packed/unroll.h"

enum {
    STREAM_CHAINS = 4,                 // vectors of a column at a time, at most
    STREAM_AHEAD = 8192,               // bytes that are prefetched
    STREAM_WORDS = LANES < 16 ? 4 : 8, // words of depth that sums of rows grow by
    STRIP = 32 * LANES,                // columns whose sums stay in the nearest cache meanwhile
    NEAR_WORDS = 8192,                 // of packed rows that stay there while columns are read
};

// sums [rows, columns] of the product of rows with weights.
typedef struct stream {
    const word *a;    // the rows, packed by row and padded to whole chunks of LANES words
    const operand *b; // [columns, terms] for dot products, [terms, columns] otherwise
    int64_t stride_b, terms, columns;
    float *sums;
    int64_t stride;
} stream;

// ---- Dot products ----

// Adds `count` vectors of terms of a column, from term k on, to the sums of each row.
static inline __attribute__((always_inline)) void add_dots(const int rows, const int count, const word *a,
    const operand *b, int64_t left, vec sums[][STREAM_CHAINS]) {
    enum { STEP = PER_WORD * LANES };
    vec x[STREAM_CHAINS];
    UNROLL_ROWS
    for (int c = 0; c < count; c++) {
        x[c] = words_along(b + c * STEP, left - c * STEP);
        _mm_prefetch((const char *)(b + c * STEP) + STREAM_AHEAD, _MM_HINT_T1);
    }
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        UNROLL_ROWS
        for (int c = 0; c < count; c++)
            sums[r][c] = multiply_add(vec_load(a + (c * rows + r) * LANES), x[c], sums[r][c]);
    }
}

// The sums of one column, in terms [first, last).
static inline __attribute__((always_inline)) void dot_column(
    const int rows, const int chains, const stream *s, int64_t column, int64_t first, int64_t last) {
    enum { STEP = PER_WORD * LANES };
    const operand *b = s->b + column * s->stride_b;
    const word *a = s->a + first / STEP * rows * LANES;
    vec sums[FEW_ROWS][STREAM_CHAINS];
    int64_t k = first;
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        UNROLL_ROWS
        for (int c = 0; c < chains; c++) sums[r][c] = vec_all(0);
    }
    for (; k + chains * STEP <= last; k += chains * STEP, a += chains * rows * LANES)
        add_dots(rows, chains, a, b + k, chains * STEP, sums);
    for (; k < last; k += STEP, a += rows * LANES) add_dots(rows, 1, a, b + k, last - k, sums);
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        float *at = s->sums + r * s->stride + column;
        vec sum = sums[r][0];
        UNROLL_ROWS
        for (int c = 1; c < chains; c++) sum += sums[r][c];
        *at = vec_sum(sum) + (first ? *at : 0);
    }
}

static inline __attribute__((always_inline)) void dot_rows(const int rows, const stream *s) {
    const int registers = LANES == 16 ? 28 : 12, most_chains = registers / (rows + 1);
    const int chains = most_chains >= 4 ? 4 : most_chains >= 2 ? 2 : 1;
    const int64_t step = NEAR_WORDS / rows / LANES * LANES * PER_WORD;
    for (int64_t first = 0; first < s->terms; first += step)
        for (int64_t column = 0; column < s->columns; column++)
            dot_column(rows, chains, s, column, first, least(first + step, s->terms));
}

// ---- Sums of rows of weights ----

// Adds `count` words of terms from word `first` on to the sums of columns [column, last), two vectors at a time. Meanwhile, the
// terms after these are prefetched.
static inline __attribute__((always_inline)) void add_terms(
    const int rows, const int count, const stream *s, int64_t first, int64_t column, int64_t last) {
    const operand *term[STREAM_WORDS * PER_WORD];
    const word *a = s->a + first / LANES * rows * LANES + first % LANES;
    int64_t left = s->terms - first * PER_WORD, ahead = count * PER_WORD * s->stride_b;
    for (int i = 0; i < count * PER_WORD; i++) term[i] = s->b + (first * PER_WORD + i) * s->stride_b;
    for (int64_t j = column; j < last; j += 2 * LANES) {
        vec x[STREAM_WORDS][2];
        UNROLL_ROWS
        for (int w = 0; w < count; w++) {
            const operand *const *from = term + w * PER_WORD;
            for (int v = 0; v < 2; v++)
                x[w][v] = words_across(from, j + v * LANES, left - w * PER_WORD, s->columns - j - v * LANES);
            for (int i = 0; i < PER_WORD; i++)
                for (int64_t line = 0; line < 2 * LANES; line += LINE / (int64_t)sizeof(operand))
                    _mm_prefetch((const char *)(from[i] + ahead + j + line), _MM_HINT_T1);
        }
        UNROLL_ROWS
        for (int r = 0; r < rows; r++) {
            float *at = s->sums + r * s->stride + j;
            vec low = first ? vec_load(at) : vec_all(0), high = first ? vec_load(at + LANES) : vec_all(0);
            UNROLL_ROWS
            for (int w = 0; w < count; w++) {
                vec factors = vec_all(a[r * LANES + w]);
                low = multiply_add(factors, x[w][0], low);
                high = multiply_add(factors, x[w][1], high);
            }
            vec_store(at, low);
            vec_store(at + LANES, high);
        }
    }
}

static inline __attribute__((always_inline)) void add_rows_of_weights(const int rows, const stream *s) {
    int64_t depth = divide_up(s->terms, PER_WORD), whole = depth / STREAM_WORDS * STREAM_WORDS;
    for (int64_t column = 0; column < s->columns; column += STRIP) {
        int64_t last = least(column + STRIP, s->columns), k = 0;
        for (; k < whole; k += STREAM_WORDS) add_terms(rows, STREAM_WORDS, s, k, column, last);
        for (; k < depth; k++) add_terms(rows, 1, s, k, column, last);
    }
}

static void stream_weights(int64_t rows, bool dots, const stream *s) {
    switch (rows) {
#define ROW_COUNT(count)                                                                                     \
    case count:                                                                                              \
        if (count <= FEW_ROWS && dots) dot_rows(count <= FEW_ROWS ? count : 1, s);                           \
        if (count <= FEW_ROWS && !dots) add_rows_of_weights(count <= FEW_ROWS ? count : 1, s);               \
        return;
#include "kernels/packed/row_counts.inc"
#undef ROW_COUNT
    }
}

static void stream_range(const expert_run *run, workspace *space, const expert_product *product,
    const row_range *range, const column_block *columns) {
    const factor *f = &product->b;
    int64_t rows = range->last - range->first, width = sums_width(columns->count);
    stream s = {.a = space->a,
        .stride_b = f->transposed ? f->terms : f->columns,
        .terms = f->terms,
        .columns = columns->count,
        .stride = f->segments * width};
    product->pack(run, range->first, rows, 0, f->terms, space->a);
    for (int64_t segment = 0; segment < f->segments; segment++) {
        factor_part part = {.expert = range->expert, .segment = segment, .column = columns->first};
        s.b = part_start(f, &part);
        s.sums = space->sums + segment * width;
        stream_weights(rows, f->transposed, &s);
    }
    finish_rows(run, product, range, columns, space->sums, width);
}

// All products of a range, one after the other.
static void stream_products(const expert_run *run, workspace *space, const row_range *range) {
    for (int i = 0; i < run->product_count; i++) {
        column_block columns = {0, 0, segment_columns(&run->products[i].b)};
        stream_range(run, space, &run->products[i], range, &columns);
    }
}
