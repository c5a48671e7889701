// Products of few rows on vectors; included by one file per instruction set. Each sum runs over k in the same order whatever the
// number of rows.
#include "kernels/dense_gemm/few_rows.h"
#include "kernels/vector.h"

#define INLINE static inline __attribute__((always_inline))

INLINE vec load_weights(dtype type, const void *b, int64_t i) {
    return type == TYPE_BF16 ? vec_load_bf16((const bf16 *)b + i) : vec_load((const float *)b + i);
}

INLINE vec load_last_weights(dtype type, const void *b, int64_t i, int64_t n) {
    return type == TYPE_BF16 ? vec_load_part_bf16((const bf16 *)b + i, n)
                             : vec_load_part((const float *)b + i, n);
}

INLINE const void *weights_row(dtype type, const gemm_call *call, int64_t row) {
    int64_t i = row * call->b.stride;
    return type == TYPE_BF16 ? (const void *)((const bf16 *)call->b.data + i)
                             : (const void *)((const float *)call->b.data + i);
}

// Writes sums of neighbouring columns: `n` of them, at most LANES.
INLINE void put(const gemm_call *call, int64_t row, int64_t column, int64_t n, vec sums) {
    void *c = matrix_row(call->c, row);
    if (call->accumulate) sums += vec_load_part((const float *)c + column, n);
    if (call->bias) sums += vec_load_part(call->bias + column, n);
    if (call->relu) sums = vec_max(sums, vec_all(0.0f));
    if (call->c.type == TYPE_BF16)
        vec_store_part_bf16((bf16 *)c + column, n, sums);
    else
        vec_store_part((float *)c + column, n, sums);
}

// ---- b transposed: a column's weights follow each other ----

// A vector of terms: floats, or where the processor multiplies them, pairs of bf16, as they are.
#ifdef __AVX512BF16__
enum { PAIRS = 1 };
INLINE vec multiply_pairs(vec a, vec b, vec sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}
INLINE vec load_pairs(const bf16 *p, int64_t n) {
    if (n >= 2 * LANES) return _mm512_castsi512_ps(_mm512_loadu_si512(p));
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16((__mmask32)((1u << n) - 1), p));
}
#else
enum { PAIRS = 0 };
INLINE vec multiply_pairs(vec a, vec b, vec sum) {
    return vec_fma(a, b, sum);
}
INLINE vec load_pairs(const bf16 *p, int64_t n) {
    return n >= LANES ? vec_load_bf16(p) : vec_load_part_bf16(p, n);
}
#endif

INLINE bool in_pairs(dtype type) {
    return PAIRS && type == TYPE_BF16;
}
INLINE int64_t vector_terms(dtype type) {
    return in_pairs(type) ? 2 * LANES : LANES;
}
INLINE vec multiply(dtype type, vec weights, vec x, vec sum) {
    return in_pairs(type) ? multiply_pairs(weights, x, sum) : vec_fma(weights, x, sum);
}
// Of n terms, or a vector of them if there are more.
INLINE vec dot_weights(dtype type, const void *w, int64_t k, int64_t n) {
    if (in_pairs(type)) return load_pairs((const bf16 *)w + k, n);
    return n >= LANES ? load_weights(type, w, k) : load_last_weights(type, w, k, n);
}
INLINE vec dot_inputs(dtype type, const void *x, int64_t k, int64_t n) {
    if (in_pairs(type)) return load_pairs((const bf16 *)x + k, n);
    return n >= LANES ? vec_load((const float *)x + k) : vec_load_part((const float *)x + k, n);
}

// Columns at a time, so that their sums are finished together, and vectors of k in a step, each with sums of its own, which would
// otherwise wait for each addition.
enum { COLUMNS = 4, STEP = 2 };

// Weights are asked for so many bytes before they are needed, counted over all columns of a group, one group after the other.
enum { LEAD = 6144, LINE = 64 };

typedef struct dot_work {
    const void *x[2]; // rows of a
    const void *w[COLUMNS];
    int64_t terms;
    int64_t column_bytes, group_bytes; // of a column; from one group to the next
    int64_t ahead, groups;             // what is asked for: so many bytes on, and so many groups
} dot_work;

static dot_work new_work(const gemm_call *call, int64_t terms) {
    int64_t element = (int64_t)dtype_size(call->b.type), bytes = most(terms * element, 1);
    dot_work work = {
        .terms = terms, .column_bytes = bytes, .group_bytes = COLUMNS * call->b.stride * element};
    work.groups = LEAD / COLUMNS / bytes;
    work.ahead = LEAD / COLUMNS % bytes;
    return work;
}

INLINE void prefetch_weights(dtype type, const dot_work *work, int columns, int64_t k) {
    const int64_t element = type == TYPE_BF16 ? 2 : 4;
    bool next = k * element + work->ahead >= work->column_bytes;
    int64_t offset = k * element + work->ahead - (next ? work->column_bytes : 0) +
                     (work->groups + next) * work->group_bytes;
    for (int c = 0; c < columns; c++)
        for (int64_t line = 0; line < STEP * vector_terms(type) * element; line += LINE)
            __builtin_prefetch((const char *)work->w[c] + offset + line);
}

// Sums of `columns` columns and `rows` rows: the first in lane 0, and so on.
INLINE void dot(dtype type, const int rows, const int columns, const dot_work *work, vec out[2]) {
    const int64_t size = vector_terms(type);
    vec sums[2][COLUMNS][STEP];
    int64_t k = 0, terms = work->terms;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            for (int s = 0; s < STEP; s++) sums[r][c][s] = vec_all(0.0f);
    for (; k + STEP * size <= terms; k += STEP * size) {
        prefetch_weights(type, work, columns, k);
        for (int s = 0; s < STEP; s++) {
            vec x[2];
            for (int r = 0; r < rows; r++) x[r] = dot_inputs(type, work->x[r], k + s * size, size);
            for (int c = 0; c < columns; c++) {
                vec weights = dot_weights(type, work->w[c], k + s * size, size);
                for (int r = 0; r < rows; r++) sums[r][c][s] = multiply(type, weights, x[r], sums[r][c][s]);
            }
        }
    }
    for (int s = 0; k < terms; k += size, s++)
        for (int c = 0; c < columns; c++) {
            vec weights = dot_weights(type, work->w[c], k, terms - k);
            for (int r = 0; r < rows; r++) {
                vec x = dot_inputs(type, work->x[r], k, terms - k);
                sums[r][c][s] = multiply(type, weights, x, sums[r][c][s]);
            }
        }
    for (int r = 0; r < rows; r++) {
        float lanes[LANES] = {0};
        for (int c = 0; c < columns; c++) lanes[c] = vec_sum(sums[r][c][0] + sums[r][c][1]);
        out[r] = vec_load(lanes);
    }
}

INLINE void dot_rows(dtype type, const int rows, const int columns, const gemm_call *call, matrix a,
    int64_t row, int64_t column, dot_work *work) {
    vec sums[2];
    for (int r = 0; r < rows; r++) work->x[r] = matrix_row(in_pairs(type) ? call->a : a, row + r);
    for (int c = 0; c < columns; c++) work->w[c] = weights_row(type, call, column + c);
    dot(type, rows, columns, work, sums);
    for (int r = 0; r < rows; r++) put(call, row + r, column, columns, sums[r]);
}

// All rows, in pairs if there are registers for their sums: of these columns only the first reads from memory, if there are
// several.
INLINE void dot_group(
    dtype type, const int columns, const gemm_call *call, matrix a, int64_t column, dot_work *work) {
    int64_t row = 0;
    for (; LANES == 16 && row + 2 <= a.rows; row += 2) dot_rows(type, 2, columns, call, a, row, column, work);
    for (; row < a.rows; row++) dot_rows(type, 1, columns, call, a, row, column, work);
}

INLINE void dot_columns(dtype type, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    dot_work work = new_work(call, a.cols);
    int64_t column = first;
    for (; column + COLUMNS <= last; column += COLUMNS) dot_group(type, COLUMNS, call, a, column, &work);
    for (; column < last; column++) dot_group(type, 1, call, a, column, &work);
}

// ---- b not transposed: columns side by side ----

enum { SIDE_BY_SIDE = 4 };

// `vectors` vectors of columns, the last of them with `n` columns.
INLINE void sum_columns(dtype type, const int64_t rows, const int vectors, const gemm_call *call, matrix a,
    int64_t column, int64_t n) {
    vec sums[FEW_ROWS][SIDE_BY_SIDE];
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sums[r][v] = vec_all(0.0f);
    for (int64_t k = 0; k < a.cols; k++) {
        const void *w = weights_row(type, call, k);
        for (int v = 0; v < vectors; v++) {
            int64_t at = column + v * LANES;
            vec weights =
                v + 1 < vectors || n == LANES ? load_weights(type, w, at) : load_last_weights(type, w, at, n);
            for (int64_t r = 0; r < rows; r++)
                sums[r][v] = vec_fma(weights, vec_all(((const float *)a.data)[r * a.stride + k]), sums[r][v]);
        }
    }
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            put(call, r, column + v * LANES, v + 1 < vectors ? LANES : n, sums[r][v]);
}

INLINE void side_columns(
    dtype type, const int64_t rows, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    const int vectors = rows > 4 ? 1 : SIDE_BY_SIDE; // as many sums as there are registers for
    int64_t column = first;
    for (; column + vectors * LANES <= last; column += vectors * LANES)
        sum_columns(type, rows, vectors, call, a, column, LANES);
    for (; column < last; column += LANES)
        sum_columns(type, rows, 1, call, a, column, least(last - column, LANES));
}

// ---- Either ----

INLINE void side_rows(dtype type, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    switch (a.rows) {
    case 1:
        side_columns(type, 1, call, a, first, last);
        break;
    case 2:
        side_columns(type, 2, call, a, first, last);
        break;
    case 3:
        side_columns(type, 3, call, a, first, last);
        break;
    case 4:
        side_columns(type, 4, call, a, first, last);
        break;
    case 5:
        side_columns(type, 5, call, a, first, last);
        break;
    case 6:
        side_columns(type, 6, call, a, first, last);
        break;
    case 7:
        side_columns(type, 7, call, a, first, last);
        break;
    case 8:
        side_columns(type, 8, call, a, first, last);
        break;
    }
}

INLINE void all_rows(dtype type, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    if (call->transpose_b)
        dot_columns(type, call, a, first, last);
    else
        side_rows(type, call, a, first, last);
}

#ifndef __AVX512BF16__
static void columns(const gemm_call *call, matrix a, int64_t first, int64_t last) {
    all_rows(TYPE_REAL, call, a, first, last);
}
#endif

static void bf16_columns(const gemm_call *call, matrix a, int64_t first, int64_t last) {
    all_rows(TYPE_BF16, call, a, first, last);
}
