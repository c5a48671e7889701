// Layer norm on vectors; included by one file per instruction set. The statistics take two passes over a row, which stays in
// the L1 cache.
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/vector.h"

// Sums wait for their own additions, so that those of several rows are computed together.
enum { ROWS_TOGETHER = 4 };

static inline __attribute__((always_inline)) void means_of(
    const int rows, const real *x, int64_t stride, int64_t n, real *mean) {
    int64_t whole = n / LANES * LANES;
    vec sum[ROWS_TOGETHER];
    for (int r = 0; r < rows; r++) sum[r] = vec_load_part(x + r * stride + whole, n - whole);
    for (int64_t i = 0; i < whole; i += LANES)
        for (int r = 0; r < rows; r++) {
            const real *at = x + r * stride + i;
            sum[r] += vec_load(at);
            _mm_prefetch((const char *)(at + rows * stride), _MM_HINT_T0); // the next rows
        }
    for (int r = 0; r < rows; r++) mean[r] = vec_sum(sum[r]) / (real)n;
}

// Meanwhile the lines of y are fetched, which would be waited for when they are written.
static inline __attribute__((always_inline)) void variances_of(const int rows, const real *x, int64_t stride,
    int64_t n, const real *mean, real *variance, const char *y, int64_t stride_y, int64_t size) {
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec sum[ROWS_TOGETHER], center[ROWS_TOGETHER];
    for (int r = 0; r < rows; r++) {
        center[r] = vec_all(mean[r]);
        vec last = vec_fill_rest(vec_load_part(x + r * stride + whole, rest), rest, mean[r]) - center[r];
        sum[r] = last * last;
    }
    for (int64_t i = 0; i < whole; i += LANES)
        for (int r = 0; r < rows; r++) {
            vec d = vec_load(x + r * stride + i) - center[r];
            sum[r] = vec_fma(d, d, sum[r]);
            __builtin_prefetch(y + r * stride_y + i * size, 1);
        }
    for (int r = 0; r < rows; r++) variance[r] = vec_sum(sum[r]) / (real)n;
}

// y: bf16 if rounded, otherwise real.
static inline void forward_row(const real *x, int64_t n, const real *weight, const real *bias, real mean,
    real rstd, void *y, bool rounded) {
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec center = vec_all(mean), scale = vec_all(rstd);
    for (int64_t i = 0; i < whole; i += LANES) {
        vec normal = (vec_load(x + i) - center) * scale;
        vec value = vec_fma(normal, vec_load(weight + i), vec_load(bias + i));
        if (rounded)
            vec_store_bf16((bf16 *)y + i, value);
        else
            vec_store((real *)y + i, value);
    }
    vec normal = (vec_load_part(x + whole, rest) - center) * scale;
    vec value = vec_fma(normal, vec_load_part(weight + whole, rest), vec_load_part(bias + whole, rest));
    if (rounded)
        vec_store_part_bf16((bf16 *)y + whole, rest, value);
    else
        vec_store_part((real *)y + whole, rest, value);
}

static inline __attribute__((always_inline)) void forward_rows(const int rows, const real *x,
    int64_t stride_x, const real *weight, const real *bias, real *mean, real *rstd, matrix y, int64_t first) {
    int64_t size = (int64_t)dtype_size(y.type);
    real variance[ROWS_TOGETHER];
    means_of(rows, x, stride_x, y.cols, mean);
    variances_of(rows, x, stride_x, y.cols, mean, variance, matrix_row(y, first), y.stride * size, size);
    for (int r = 0; r < rows; r++) {
        rstd[r] = 1 / real_sqrt(variance[r] + LAYER_NORM_EPSILON);
        if (y.type == TYPE_BF16)
            forward_row(
                x + r * stride_x, y.cols, weight, bias, mean[r], rstd[r], matrix_row(y, first + r), true);
        else
            forward_row(
                x + r * stride_x, y.cols, weight, bias, mean[r], rstd[r], matrix_row(y, first + r), false);
    }
}

static void forward_vector(
    const real *x, int64_t stride_x, const real *weight, const real *bias, real *mean, real *rstd, matrix y) {
    int64_t r = 0;
    for (; r + ROWS_TOGETHER <= y.rows; r += ROWS_TOGETHER)
        forward_rows(ROWS_TOGETHER, x + r * stride_x, stride_x, weight, bias, mean + r, rstd + r, y, r);
    for (; r < y.rows; r++)
        forward_rows(1, x + r * stride_x, stride_x, weight, bias, mean + r, rstd + r, y, r);
}

// A piece of a row: n = (x - mean)·rstd and g = dy·weight, zero beyond the row's end.
typedef struct piece {
    vec normal, dy, g;
} piece;

static inline piece whole_piece(const real *x, const real *dy, const real *weight, vec center, vec scale) {
    piece p = {(vec_load(x) - center) * scale, vec_load(dy), vec_load(weight)};
    p.g *= p.dy;
    return p;
}

static inline piece part_piece(
    const real *x, const real *dy, const real *weight, int64_t n, vec center, vec scale) {
    piece p = {(vec_load_part(x, n) - center) * scale, vec_load_part(dy, n), vec_load_part(weight, n)};
    p.g *= p.dy; // zero beyond the end, where the normalized value is not
    return p;
}

typedef struct row_sums {
    vec g, projection;
} row_sums;

static inline void add_piece(row_sums *sums, piece p) {
    sums->g += p.g;
    sums->projection = vec_fma(p.g, p.normal, sums->projection);
}

// The first pass computes the row's sums and adds to dweight and dbias; the second computes dx.
static void backward_row(const real *x, int64_t n, const real *weight, real mean, real rstd, const real *dy,
    real *dx, real *dweight, real *dbias) {
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec center = vec_all(mean), scale = vec_all(rstd);
    piece last = part_piece(x + whole, dy + whole, weight + whole, rest, center, scale);
    row_sums sums = {last.g, last.g * last.normal};
    for (int64_t i = 0; i < whole; i += LANES) {
        piece p = whole_piece(x + i, dy + i, weight + i, center, scale);
        add_piece(&sums, p);
        vec_store(dweight + i, vec_fma(p.dy, p.normal, vec_load(dweight + i)));
        vec_store(dbias + i, vec_load(dbias + i) + p.dy);
    }
    vec_store_part(
        dweight + whole, rest, vec_fma(last.dy, last.normal, vec_load_part(dweight + whole, rest)));
    vec_store_part(dbias + whole, rest, vec_load_part(dbias + whole, rest) + last.dy);
    if (!dx) return;
    vec mean_g = vec_all(vec_sum(sums.g) / (real)n), projection = vec_all(vec_sum(sums.projection) / (real)n);
    for (int64_t i = 0; i < whole; i += LANES) {
        piece p = whole_piece(x + i, dy + i, weight + i, center, scale);
        vec_store(dx + i, vec_fma(scale, p.g - mean_g - p.normal * projection, vec_load(dx + i)));
    }
    vec_store_part(dx + whole, rest,
        vec_fma(scale, last.g - mean_g - last.normal * projection, vec_load_part(dx + whole, rest)));
}

static void backward_vector(const real *x, int64_t stride_x, int64_t rows, int64_t width, const real *weight,
    const real *mean, const real *rstd, const real *dy, int64_t stride_dy, real *dx, int64_t stride_dx,
    real *dweight, real *dbias) {
    for (int64_t i = 0; i < width; i++) dweight[i] = dbias[i] = 0;
    for (int64_t r = 0; r < rows; r++)
        backward_row(x + r * stride_x, width, weight, mean[r], rstd[r], dy + r * stride_dy,
            dx ? dx + r * stride_dx : NULL, dweight, dbias);
}
