// Products of few rows on vectors; included by one file per instruction set. Each sum runs over k in the same order whatever the
// number of rows.
#include "kernels/dense_gemm/few_rows.h"
#include "kernels/packed/numbers.h"

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

// dtype_size, for a type that the compiler knows.
INLINE int64_t element_bytes(dtype type) {
    return type == TYPE_I8 ? 1 : type == TYPE_BF16 ? 2 : 4;
}

INLINE const void *weights_row(dtype type, const gemm_call *call, int64_t row) {
    return (const char *)call->b.data + row * call->b.stride * element_bytes(type);
}

// ---- b transposed: a column's weights follow each other ----

// A vector of terms: floats, or where the processor multiplies them, pairs of bf16, as they are. Of weights only the terms
// [from, to) are read; the others are 0.
#if defined(__AVX512BF16__)
enum { PAIRS = 1 };
INLINE vec multiply_pairs(vec weights, vec x, vec sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(weights), (__m512bh)_mm512_castps_si512(x));
}
INLINE vec load_pairs(const bf16 *p) {
    return _mm512_castsi512_ps(_mm512_loadu_si512(p));
}
INLINE vec load_some_pairs(const bf16 *p, int64_t from, int64_t to) {
    uint64_t below = ((uint64_t)1 << to) - 1, before = ((uint64_t)1 << from) - 1;
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16((__mmask32)(below & ~before), p));
}
#else
enum { PAIRS = 0 };
INLINE vec multiply_pairs(vec weights, vec x, vec sum) {
    return vec_fma(weights, x, sum);
}
INLINE vec load_pairs(const bf16 *p) {
    return vec_load_bf16(p);
}
INLINE vec load_some_pairs(const bf16 *p, int64_t from, int64_t to) {
#if defined(__AVX512F__)
    return vec_widen(_mm256_maskz_loadu_epi16(lanes_between(from, to), p));
#else
    if (to - from == LANES) return load_pairs(p);
    return vec_widen(load_some_bytes(p, 2 * from, 2 * to));
#endif
}
#endif

#if defined(__AVX512F__)
INLINE vec load_some(const float *p, int64_t from, int64_t to) {
    return _mm512_maskz_loadu_ps(lanes_between(from, to), p);
}
#else
INLINE vec load_some(const float *p, int64_t from, int64_t to) {
    return _mm256_maskload_ps(p, _mm256_andnot_si256(first_lanes(from), first_lanes(to)));
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
INLINE vec load_weights(dtype type, const void *w, int64_t k) {
    if (type == TYPE_I8) return load_numbers((const int8_t *)w + k);
    return type == TYPE_BF16 ? load_pairs((const bf16 *)w + k) : vec_load((const float *)w + k);
}
INLINE vec load_some_weights(dtype type, const void *w, int64_t k, int64_t from, int64_t to) {
    if (type == TYPE_I8) return load_some_numbers((const int8_t *)w + k, from, to);
    return type == TYPE_BF16 ? load_some_pairs((const bf16 *)w + k, from, to)
                             : load_some((const float *)w + k, from, to);
}
INLINE vec load_inputs(dtype type, const void *x, int64_t k) {
    return in_pairs(type) ? load_pairs((const bf16 *)x + k) : vec_load((const float *)x + k);
}

// STEP vectors at a time have sums of their own, which would otherwise wait for each addition. Columns are finished in groups, and
// rows share a column's weights while there are registers for their sums.
enum { STEP = 4, COLUMNS = 4, ROWS = LANES == 16 ? 4 : 2 };

// Weights are asked for so many bytes before they are needed, into the second cache: the nearest one waits for fewer lines at a
// time. They follow each other from column to column, too.
enum { LEAD = 8192, LINE = 64 };

INLINE void prefetch_step(dtype type, const char *w) {
    const int64_t bytes = STEP * vector_terms(type) * element_bytes(type);
    for (int64_t line = 0; line < bytes; line += LINE) __builtin_prefetch(w + LEAD + line, 0, 2);
}

// A column's sums for `rows` rows. Weights are read in aligned vectors, wherever the column begins: vectors that lie in two cache
// lines would take a third more time. What a vector has of other columns counts as 0, and so does what is beside x.
INLINE void dot_column(
    dtype type, const int rows, const void *weights, const void *const *x, int64_t terms, vec *out) {
    const int64_t size = vector_terms(type), element = element_bytes(type);
    const int64_t before = (int64_t)((uintptr_t)weights % (uintptr_t)(size * element)) / element;
    const char *w = (const char *)weights - before * element;
    int64_t end = before + terms, k = size;
    vec sums[ROWS][STEP];
    const char *from[ROWS];
    for (int r = 0; r < rows; r++) from[r] = (const char *)x[r] - before * (in_pairs(type) ? 2 : 4);
    vec first = load_some_weights(type, w, 0, before, least(end, size));
    for (int r = 0; r < rows; r++) {
        for (int s = 1; s < STEP; s++) sums[r][s] = vec_all(0.0f);
        sums[r][0] = multiply(type, first, load_inputs(type, from[r], 0), vec_all(0.0f));
    }
    for (; k + STEP * size <= end; k += STEP * size) {
        prefetch_step(type, w + k * element);
        for (int s = 0; s < STEP; s++) {
            vec some = load_weights(type, w, k + s * size);
            for (int r = 0; r < rows; r++)
                sums[r][s] = multiply(type, some, load_inputs(type, from[r], k + s * size), sums[r][s]);
        }
    }
    // Without a branch for each vector: columns end at ever other places.
    prefetch_step(type, w + k * element);
    for (int s = 0; s < STEP; s++, k += size) {
        vec some = load_some_weights(type, w, k, 0, most(least(end - k, size), 0));
        for (int r = 0; r < rows; r++)
            sums[r][s] = multiply(type, some, load_inputs(type, from[r], k), sums[r][s]);
    }
    for (int r = 0; r < rows; r++) out[r] = (sums[r][0] + sums[r][1]) + (sums[r][2] + sums[r][3]);
}

INLINE void dot_rows(
    dtype type, const int rows, const int columns, const few_rows_product *p, int64_t row, int64_t column) {
    const void *x[ROWS];
    vec sums[COLUMNS][ROWS];
    for (int r = 0; r < rows; r++) x[r] = matrix_row(p->a, row + r);
    for (int c = 0; c < columns; c++)
        dot_column(type, rows, weights_row(type, &p->call, column + c), x, p->a.cols, sums[c]);
    for (int r = 0; r < rows; r++) {
        float lanes[LANES] = {0};
        for (int c = 0; c < columns; c++) {
            lanes[c] = vec_sum(sums[c][r]);
            if (type == TYPE_I8) lanes[c] *= p->call.b.scale[column + c];
        }
        put(&p->call, row + r, column, columns, vec_load(lanes));
    }
}

// All rows: of these columns only the first ones read from memory, if there are more.
INLINE void dot_group(dtype type, const int columns, const few_rows_product *p, int64_t column) {
    int64_t row = 0;
    for (; row + ROWS <= p->a.rows; row += ROWS) dot_rows(type, ROWS, columns, p, row, column);
    for (; row < p->a.rows; row++) dot_rows(type, 1, columns, p, row, column);
}

INLINE void dot_columns(dtype type, const few_rows_product *p, int64_t first, int64_t last) {
    int64_t column = first;
    for (; column + COLUMNS <= last; column += COLUMNS) dot_group(type, COLUMNS, p, column);
    for (; column < last; column++) dot_group(type, 1, p, column);
}

// ---- b not transposed: columns side by side ----

enum { SIDE_BY_SIDE = 4 };

INLINE vec load_columns(dtype type, const void *w, int64_t column, int64_t n) {
    if (type == TYPE_BF16) {
        const bf16 *p = (const bf16 *)w + column;
        return n >= LANES ? vec_load_bf16(p) : vec_load_part_bf16(p, n);
    }
    if (type == TYPE_I8) {
        const int8_t *p = (const int8_t *)w + column;
        return n >= LANES ? load_numbers(p) : load_some_numbers(p, 0, n);
    }
    const float *p = (const float *)w + column;
    return n >= LANES ? vec_load(p) : vec_load_part(p, n);
}

// `vectors` vectors of columns, the last of them with `n` columns.
INLINE void sum_columns(
    dtype type, const int64_t rows, const int vectors, const few_rows_product *p, int64_t column, int64_t n) {
    vec sums[FEW_ROWS][SIDE_BY_SIDE];
    const float *x = p->a.data;
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sums[r][v] = vec_all(0.0f);
    for (int64_t k = 0; k < p->a.cols; k++) {
        const void *w = weights_row(type, &p->call, k);
        for (int v = 0; v < vectors; v++) {
            vec weights = load_columns(type, w, column + v * LANES, v + 1 < vectors ? LANES : n);
            for (int64_t r = 0; r < rows; r++)
                sums[r][v] = vec_fma(weights, vec_all(x[r * p->a.stride + k]), sums[r][v]);
        }
    }
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            put(&p->call, r, column + v * LANES, v + 1 < vectors ? LANES : n, sums[r][v]);
}

INLINE void side_columns(
    dtype type, const int64_t rows, const few_rows_product *p, int64_t first, int64_t last) {
    const int vectors = rows > 4 ? 1 : SIDE_BY_SIDE; // as many sums as there are registers for
    int64_t column = first;
    for (; column + vectors * LANES <= last; column += vectors * LANES)
        sum_columns(type, rows, vectors, p, column, LANES);
    for (; column < last; column += LANES) sum_columns(type, rows, 1, p, column, least(last - column, LANES));
}

INLINE void side_rows(dtype type, const few_rows_product *p, int64_t first, int64_t last) {
    switch (p->a.rows) {
    case 1:
        side_columns(type, 1, p, first, last);
        break;
    case 2:
        side_columns(type, 2, p, first, last);
        break;
    case 3:
        side_columns(type, 3, p, first, last);
        break;
    case 4:
        side_columns(type, 4, p, first, last);
        break;
    case 5:
        side_columns(type, 5, p, first, last);
        break;
    case 6:
        side_columns(type, 6, p, first, last);
        break;
    case 7:
        side_columns(type, 7, p, first, last);
        break;
    case 8:
        side_columns(type, 8, p, first, last);
        break;
    }
}

// ---- Either ----

INLINE void all_rows(dtype type, const few_rows_product *p, int64_t first, int64_t last) {
    if (p->call.transpose_b)
        dot_columns(type, p, first, last);
    else
        side_rows(type, p, first, last);
}

#ifndef __AVX512BF16__
static void columns(const few_rows_product *p, int64_t first, int64_t last) {
    all_rows(TYPE_REAL, p, first, last);
}

static void i8_columns(const few_rows_product *p, int64_t first, int64_t last) {
    all_rows(TYPE_I8, p, first, last);
}
#endif

static void bf16_columns(const few_rows_product *p, int64_t first, int64_t last) {
    all_rows(TYPE_BF16, p, first, last);
}
