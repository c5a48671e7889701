// Layer norm on vectors; included by one file per instruction set. The statistics take two passes over a row, which stays in
// the L1 cache.
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/vector.h"

static real mean_of(const real *x, int64_t n) {
    int64_t whole = n / LANES * LANES;
    vec sum = vec_load_part(x + whole, n - whole);
    for (int64_t i = 0; i < whole; i += LANES) sum += vec_load(x + i);
    return vec_sum(sum) / (real)n;
}

static real variance_of(const real *x, int64_t n, real mean) {
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec center = vec_all(mean);
    vec last = vec_fill_rest(vec_load_part(x + whole, rest), rest, mean) - center;
    vec sum = last * last;
    for (int64_t i = 0; i < whole; i += LANES) {
        vec d = vec_load(x + i) - center;
        sum = vec_fma(d, d, sum);
    }
    return vec_sum(sum) / (real)n;
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

static void forward_vector(
    const real *x, int64_t stride_x, const real *weight, const real *bias, real *mean, real *rstd, matrix y) {
    for (int64_t r = 0; r < y.rows; r++, x += stride_x) {
        mean[r] = mean_of(x, y.cols);
        rstd[r] = 1 / real_sqrt(variance_of(x, y.cols, mean[r]) + LAYER_NORM_EPSILON);
        if (y.type == TYPE_BF16)
            forward_row(x, y.cols, weight, bias, mean[r], rstd[r], matrix_row(y, r), true);
        else
            forward_row(x, y.cols, weight, bias, mean[r], rstd[r], matrix_row(y, r), false);
    }
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
