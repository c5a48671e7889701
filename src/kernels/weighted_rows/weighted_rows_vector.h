// The sums on vectors; included by one file per instruction set. Rows are taken GROUP at a time, so that y or x is loaded once
// for all of them, and the next group, which may lie anywhere in memory, is prefetched meanwhile.
#include "kernels/packed/row_ends.h"
#include "kernels/weighted_rows/weighted_rows.h"

enum { GROUP = 4 };

// The start of row i, or of the last one: what is prefetched past the end is in the cache already.
static const float *row_from(const float *const *rows, int64_t i, int64_t count) {
    return rows[i < count ? i : count - 1];
}

static void prefetch_group(const float *const *rows, int64_t i, int64_t count, int64_t column) {
    for (int g = 0; g < GROUP; g++)
        _mm_prefetch((const char *)(row_from(rows, i + g, count) + column), _MM_HINT_T0);
}

static void add_group(
    float *y, int64_t d, const float *const *rows, const float *weight, int64_t i, int64_t count) {
    const float *r0 = rows[i], *r1 = rows[i + 1], *r2 = rows[i + 2], *r3 = rows[i + 3];
    vec w0 = vec_all(weight[i]), w1 = vec_all(weight[i + 1]), w2 = vec_all(weight[i + 2]),
        w3 = vec_all(weight[i + 3]);
    for (int64_t c = 0; c < d; c += LANES) {
        prefetch_group(rows, i + GROUP, count, c);
        int64_t left = d - c;
        vec sum = vec_fma(w0, load_row_end(r0 + c, left), load_row_end(y + c, left));
        sum = vec_fma(w1, load_row_end(r1 + c, left), sum);
        sum = vec_fma(w2, load_row_end(r2 + c, left), sum);
        store_row_end(y + c, left, vec_fma(w3, load_row_end(r3 + c, left), sum));
    }
}

static void add(float *y, int64_t d, const float *const *rows, const float *weight, int64_t count) {
    int64_t i = 0;
    for (; i + GROUP <= count; i += GROUP) add_group(y, d, rows, weight, i, count);
    for (; i < count; i++) {
        vec w = vec_all(weight[i]);
        for (int64_t c = 0; c < d; c += LANES)
            store_row_end(
                y + c, d - c, vec_fma(w, load_row_end(rows[i] + c, d - c), load_row_end(y + c, d - c)));
    }
}

static void dot_group(
    float *result, const float *x, int64_t d, const float *const *rows, int64_t i, int64_t count) {
    const float *r0 = rows[i], *r1 = rows[i + 1], *r2 = rows[i + 2], *r3 = rows[i + 3];
    vec s0 = vec_all(0), s1 = s0, s2 = s0, s3 = s0;
    for (int64_t c = 0; c < d; c += LANES) {
        prefetch_group(rows, i + GROUP, count, c);
        vec factor = load_row_end(x + c, d - c);
        s0 = vec_fma(factor, load_row_end(r0 + c, d - c), s0);
        s1 = vec_fma(factor, load_row_end(r1 + c, d - c), s1);
        s2 = vec_fma(factor, load_row_end(r2 + c, d - c), s2);
        s3 = vec_fma(factor, load_row_end(r3 + c, d - c), s3);
    }
    result[i] = vec_sum(s0);
    result[i + 1] = vec_sum(s1);
    result[i + 2] = vec_sum(s2);
    result[i + 3] = vec_sum(s3);
}

static void dot(float *result, const float *x, int64_t d, const float *const *rows, int64_t count) {
    int64_t i = 0;
    for (; i + GROUP <= count; i += GROUP) dot_group(result, x, d, rows, i, count);
    for (; i < count; i++) {
        vec sum = vec_all(0);
        for (int64_t c = 0; c < d; c += LANES)
            sum = vec_fma(load_row_end(x + c, d - c), load_row_end(rows[i] + c, d - c), sum);
        result[i] = vec_sum(sum);
    }
}
