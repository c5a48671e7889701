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

static void put(const gemm_call *call, int64_t row, int64_t column, float sum) {
    void *c = matrix_row(call->c, row);
    if (call->bias) sum += call->bias[column];
    if (call->relu) sum = sum > 0 ? sum : 0;
    if (call->c.type == TYPE_BF16)
        ((bf16 *)c)[column] = bf16_of(sum);
    else
        ((float *)c)[column] = call->accumulate ? ((float *)c)[column] + sum : sum;
}

// ---- b transposed: a column's weights follow each other ----

// Vectors of k in a step, each with sums of its own: a single one would wait for each addition.
enum { STEP = 2 };

// AHEAD bytes of weights are asked for before they are needed, across the rows, which follow each other, too.
enum { AHEAD = 2048, LINE = 64 };

INLINE void dot_column(dtype type, const int64_t rows, const gemm_call *call, matrix a, int64_t column) {
    const float *x[FEW_ROWS];
    const void *w = weights_row(type, call, column);
    int64_t k = 0, terms = a.cols, element = type == TYPE_BF16 ? 2 : 4;
    vec sums[FEW_ROWS][STEP];
    for (int64_t r = 0; r < rows; r++) {
        x[r] = (const float *)a.data + r * a.stride;
        for (int s = 0; s < STEP; s++) sums[r][s] = vec_all(0.0f);
    }
    for (; k + STEP * LANES <= terms; k += STEP * LANES) {
        for (int64_t line = 0; line < STEP * LANES * element; line += LINE)
            __builtin_prefetch((const char *)w + k * element + AHEAD + line);
        for (int s = 0; s < STEP; s++) {
            vec weights = load_weights(type, w, k + s * LANES);
            for (int64_t r = 0; r < rows; r++)
                sums[r][s] = vec_fma(weights, vec_load(x[r] + k + s * LANES), sums[r][s]);
        }
    }
    for (int s = 0; k < terms; k += LANES, s++) {
        int64_t n = least(terms - k, LANES);
        vec weights = n == LANES ? load_weights(type, w, k) : load_last_weights(type, w, k, n);
        for (int64_t r = 0; r < rows; r++) {
            vec last = n == LANES ? vec_load(x[r] + k) : vec_load_part(x[r] + k, n);
            sums[r][s] = vec_fma(weights, last, sums[r][s]);
        }
    }
    for (int64_t r = 0; r < rows; r++) put(call, r, column, vec_sum(sums[r][0] + sums[r][1]));
}

INLINE void dot_columns(
    dtype type, const int64_t rows, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    for (int64_t column = first; column < last; column++) dot_column(type, rows, call, a, column);
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
        for (int v = 0; v < vectors; v++) {
            float lanes[LANES];
            vec_store(lanes, sums[r][v]);
            int64_t count = v + 1 < vectors ? LANES : n;
            for (int64_t i = 0; i < count; i++) put(call, r, column + v * LANES + i, lanes[i]);
        }
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

INLINE void some_rows(
    dtype type, const int64_t rows, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    if (call->transpose_b)
        dot_columns(type, rows, call, a, first, last);
    else
        side_columns(type, rows, call, a, first, last);
}

INLINE void all_rows(dtype type, const gemm_call *call, matrix a, int64_t first, int64_t last) {
    switch (a.rows) {
    case 1:
        some_rows(type, 1, call, a, first, last);
        break;
    case 2:
        some_rows(type, 2, call, a, first, last);
        break;
    case 3:
        some_rows(type, 3, call, a, first, last);
        break;
    case 4:
        some_rows(type, 4, call, a, first, last);
        break;
    case 5:
        some_rows(type, 5, call, a, first, last);
        break;
    case 6:
        some_rows(type, 6, call, a, first, last);
        break;
    case 7:
        some_rows(type, 7, call, a, first, last);
        break;
    case 8:
        some_rows(type, 8, call, a, first, last);
        break;
    }
}

static void columns(const gemm_call *call, matrix a, int64_t first, int64_t last) {
    all_rows(TYPE_REAL, call, a, first, last);
}

static void bf16_columns(const gemm_call *call, matrix a, int64_t first, int64_t last) {
    all_rows(TYPE_BF16, call, a, first, last);
}
