// Ranges of few rows: their weights are read once, as fast as memory delivers them, and not packed. Weights of a column that are
// contiguous are multiplied as dot products, several columns at a time; where the columns of a term are contiguous, the sums of
// many columns grow by several terms at a time (in the order of terms, as in a micro-kernel).
#pragma once

#include "kernels/expert_ffn/expert_run.h"
#include "kernels/expert_ffn/panel_order.h"
#include "kernels/packed/unroll.h"

enum { TERM_WORDS = 8, STRIP = 32 * LANES };

// rows · columns of weights, and sums [rows, columns].
typedef struct stream {
    const word *a; // [rows, stride_a]: words of depth, zero-padded to whole vectors
    int64_t stride_a;
    const operand *b; // [columns, terms] for dot products, [terms, columns] otherwise
    int64_t stride_b, terms, columns;
    float *sums;
    int64_t stride;
} stream;

// ---- Dot products ----

// Sums of `count` columns from `column` on. Meanwhile, the columns after these are prefetched.
static inline __attribute__((always_inline)) void dot_columns(
    const int rows, const int count, const stream *s, int64_t column) {
    enum { STEP = PER_WORD * LANES };
    const operand *b = s->b + column * s->stride_b, *next = b + count * s->stride_b;
    vec sums[FEW_ROWS][8];
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) UNROLL_ROWS
    for (int c = 0; c < count; c++) sums[r][c] = vec_all(0);
    for (int64_t k = 0; k < s->terms; k += STEP) {
        vec x[8];
        UNROLL_ROWS
        for (int c = 0; c < count; c++) {
            x[c] = words_along(b + c * s->stride_b + k, s->terms - k);
            _mm_prefetch((const char *)(next + c * s->stride_b + k), _MM_HINT_T1);
        }
        UNROLL_ROWS
        for (int r = 0; r < rows; r++) {
            vec row = vec_load(s->a + r * s->stride_a + k / PER_WORD);
            UNROLL_ROWS
            for (int c = 0; c < count; c++) sums[r][c] = multiply_add(row, x[c], sums[r][c]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < count; c++) s->sums[r * s->stride + column + c] = vec_sum(sums[r][c]);
}

// As many columns at a time as registers hold.
static inline __attribute__((always_inline)) void dot_rows(const int rows, const stream *s) {
    const int registers = LANES == 16 ? 32 : 16, most_columns = (registers - 1) / (rows + 1);
    const int count = most_columns >= 8 ? 8 : most_columns >= 4 ? 4 : most_columns >= 2 ? 2 : 1;
    int64_t column = 0;
    for (; column + count <= s->columns; column += count) dot_columns(rows, count, s, column);
    for (; column < s->columns; column++) dot_columns(rows, 1, s, column);
}

// ---- Sums of rows of weights ----

// Adds `words` words of terms from `first` on to the sums of columns [column, last).
static inline __attribute__((always_inline)) void add_terms(
    const int rows, const int count, const stream *s, int64_t first, int64_t column, int64_t last) {
    const operand *term[TERM_WORDS * PER_WORD];
    int64_t term_count = s->terms - first * PER_WORD;
    for (int i = 0; i < count * PER_WORD; i++) term[i] = s->b + (first * PER_WORD + i) * s->stride_b;
    for (int64_t j = column; j < last; j += LANES) {
        vec x[TERM_WORDS];
        UNROLL_ROWS
        for (int w = 0; w < count; w++) {
            x[w] = words_across(term + w * PER_WORD, j, term_count - w * PER_WORD, s->columns - j);
            for (int i = 0; i < PER_WORD; i++)
                _mm_prefetch(
                    (const char *)(term[w * PER_WORD + i] + count * PER_WORD * s->stride_b + j), _MM_HINT_T1);
        }
        UNROLL_ROWS
        for (int r = 0; r < rows; r++) {
            float *at = s->sums + r * s->stride + j;
            const word *a = s->a + r * s->stride_a + first;
            vec sum = first ? vec_load(at) : vec_all(0);
            UNROLL_ROWS
            for (int w = 0; w < count; w++) sum = multiply_add(vec_all(a[w]), x[w], sum);
            vec_store(at, sum);
        }
    }
}

static inline __attribute__((always_inline)) void add_rows_of_weights(const int rows, const stream *s) {
    int64_t depth = block_count(s->terms, PER_WORD), whole = depth / TERM_WORDS * TERM_WORDS;
    for (int64_t column = 0; column < s->columns; column += STRIP) {
        int64_t last = least(column + STRIP, s->columns), k = 0;
        for (; k < whole; k += TERM_WORDS) add_terms(rows, TERM_WORDS, s, k, column, last);
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
    int64_t rows = range->last - range->first, width = round_up(columns->count, NR);
    stream s = {.a = space->a,
        .stride_a = round_up(depth_of(f->terms), LANES),
        .stride_b = f->transposed ? f->terms : f->columns,
        .terms = f->terms,
        .columns = columns->count,
        .stride = f->segments * width};
    for (int64_t r = 0; r < rows; r++)
        product->pack(run, range->first + r, 1, 0, f->terms, space->a + r * s.stride_a);
    for (int64_t segment = 0; segment < f->segments; segment++) {
        factor_part part = {.expert = range->expert, .segment = segment, .column = columns->first};
        s.b = part_start(f, &part);
        s.sums = space->sums + segment * width;
        stream_weights(rows, f->transposed, &s);
    }
    finish_rows(run, product, range, columns, space->sums, width);
}
