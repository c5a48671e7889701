// The sums on vectors; included by one file per instruction set. Rows are taken GROUP at a time, so that y or x is loaded once
// for all of them, and the next group, which may lie anywhere in memory, is prefetched meanwhile.
#include "kernels/packed/numbers.h"
#include "kernels/packed/row_ends.h"
#include "kernels/weighted_rows/weighted_rows.h"

enum { GROUP = 4 };

// The element `c` of a row, for a type that the compiler knows.
INLINE const void *element(dtype type, const void *row, int64_t c) {
    return (const char *)row + c * (type == TYPE_I8 ? 1 : type == TYPE_BF16 ? 2 : 4);
}

// The elements from c on of a row of d.
INLINE vec load_elements(dtype type, const void *row, int64_t c, int64_t d) {
    const void *p = element(type, row, c);
    if (type == TYPE_I8) return d - c >= LANES ? load_numbers(p) : load_some_numbers(p, 0, d - c);
    return type == TYPE_BF16 ? load_row_end_bf16(p, d - c) : load_row_end(p, d - c);
}

// The start of row i, or of the last one: what is prefetched past the end is in the cache already.
static const void *row_from(const void *const *rows, int64_t i, int64_t count) {
    return rows[i < count ? i : count - 1];
}

INLINE void prefetch_group(dtype type, const void *const *rows, int64_t i, int64_t count, int64_t column) {
    for (int g = 0; g < GROUP; g++)
        _mm_prefetch((const char *)element(type, row_from(rows, i + g, count), column), _MM_HINT_T0);
}

INLINE void add_group(
    dtype type, float *y, int64_t d, const void *const *rows, const float *weight, int64_t i, int64_t count) {
    const void *r0 = rows[i], *r1 = rows[i + 1], *r2 = rows[i + 2], *r3 = rows[i + 3];
    vec w0 = vec_all(weight[i]), w1 = vec_all(weight[i + 1]), w2 = vec_all(weight[i + 2]),
        w3 = vec_all(weight[i + 3]);
    for (int64_t c = 0; c < d; c += LANES) {
        prefetch_group(type, rows, i + GROUP, count, c);
        int64_t left = d - c;
        vec sum = vec_fma(w0, load_elements(type, r0, c, d), load_row_end(y + c, left));
        sum = vec_fma(w1, load_elements(type, r1, c, d), sum);
        sum = vec_fma(w2, load_elements(type, r2, c, d), sum);
        store_row_end(y + c, left, vec_fma(w3, load_elements(type, r3, c, d), sum));
    }
}

INLINE void add_rows(
    dtype type, float *y, int64_t d, const void *const *rows, const float *weight, int64_t count) {
    int64_t i = 0;
    for (; i + GROUP <= count; i += GROUP) add_group(type, y, d, rows, weight, i, count);
    for (; i < count; i++) {
        vec w = vec_all(weight[i]);
        for (int64_t c = 0; c < d; c += LANES)
            store_row_end(
                y + c, d - c, vec_fma(w, load_elements(type, rows[i], c, d), load_row_end(y + c, d - c)));
    }
}

INLINE void dot_group(
    dtype type, float *result, const float *x, int64_t d, const void *const *rows, int64_t i, int64_t count) {
    const void *r0 = rows[i], *r1 = rows[i + 1], *r2 = rows[i + 2], *r3 = rows[i + 3];
    vec s0 = vec_all(0), s1 = s0, s2 = s0, s3 = s0;
    for (int64_t c = 0; c < d; c += LANES) {
        prefetch_group(type, rows, i + GROUP, count, c);
        vec factor = load_row_end(x + c, d - c);
        s0 = vec_fma(factor, load_elements(type, r0, c, d), s0);
        s1 = vec_fma(factor, load_elements(type, r1, c, d), s1);
        s2 = vec_fma(factor, load_elements(type, r2, c, d), s2);
        s3 = vec_fma(factor, load_elements(type, r3, c, d), s3);
    }
    result[i] = vec_sum(s0);
    result[i + 1] = vec_sum(s1);
    result[i + 2] = vec_sum(s2);
    result[i + 3] = vec_sum(s3);
}

INLINE void dot_rows(
    dtype type, float *result, const float *x, int64_t d, const void *const *rows, int64_t count) {
    int64_t i = 0;
    for (; i + GROUP <= count; i += GROUP) dot_group(type, result, x, d, rows, i, count);
    for (; i < count; i++) {
        vec sum = vec_all(0);
        for (int64_t c = 0; c < d; c += LANES)
            sum = vec_fma(load_row_end(x + c, d - c), load_elements(type, rows[i], c, d), sum);
        result[i] = vec_sum(sum);
    }
}

#include "kernels/weighted_rows/weighted_rows_types.h"
