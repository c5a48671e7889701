// For processors without bf16 products: widens the operands piece by piece and multiplies them as floats with oneDNN.
#include "kernels/dense_gemm/gemm_tile.h"
#include "kernels/pointwise/pointwise.h"

enum { MOST_K = 384 };
enum {
    SIZE_A = GEMM_MOST_ROWS * MOST_K,
    SIZE_B = MOST_K * GEMM_MOST_COLS,
    SIZE_C = GEMM_MOST_ROWS * GEMM_MOST_COLS,
};

extern const gemm_kernel dense_gemm_onednn;

static void widen(
    const pointwise_kernel *rows, const bf16 *x, int64_t stride, int64_t count, int64_t cols, real *y) {
    for (int64_t i = 0; i < count; i++) rows->widen(y + i * cols, x + i * stride, cols);
}

// c (+)= the part of the product with terms [first, first + k).
static void multiply(
    const gemm_tile *t, const pointwise_kernel *rows, int64_t first, int64_t k, real *a, real *b, matrix c) {
    int64_t m = c.rows, n = c.cols;
    const bf16 *from_a = t->a, *from_b = t->b;
    if (t->transpose_a)
        widen(rows, from_a + first * t->stride_a, t->stride_a, k, m, a);
    else
        widen(rows, from_a + first, t->stride_a, m, k, a);
    if (t->transpose_b)
        widen(rows, from_b + first, t->stride_b, n, k, b);
    else
        widen(rows, from_b + first * t->stride_b, t->stride_b, k, n, b);
    gemm_tile piece = {.transpose_a = t->transpose_a,
        .transpose_b = t->transpose_b,
        .accumulate = t->accumulate || first > 0,
        .k = k,
        .a = a,
        .b = b,
        .stride_a = t->transpose_a ? m : k,
        .stride_b = t->transpose_b ? k : n,
        .c = c};
    dense_gemm_onednn.tile(&piece, NULL);
}

static void tile(const gemm_tile *t, real *scratch) {
    const pointwise_kernel *rows = pointwise_chosen();
    real *a = scratch, *b = a + SIZE_A;
    bool rounded = t->c.type == TYPE_BF16;
    matrix c = rounded ? matrix_of(b + SIZE_B, t->c.rows, t->c.cols) : t->c;
    for (int64_t first = 0; first < t->k; first += MOST_K)
        multiply(t, rows, first, least(t->k - first, MOST_K), a, b, c);
    for (int64_t i = 0; i < c.rows; i++) {
        real *row = matrix_row(c, i);
        if (t->relu)
            rows->bias_relu(row, t->bias, c.cols);
        else if (t->bias)
            rows->add(row, t->bias, c.cols);
        if (rounded) rows->round(matrix_row(t->c, i), row, c.cols);
    }
}

extern const gemm_kernel dense_gemm_bf16_widen;
const gemm_kernel dense_gemm_bf16_widen = {{"onednn_widen", CPU_AVX2}, .row_step = 8, .col_step = 48,
    .scratch = SIZE_A + SIZE_B + SIZE_C, .tile = tile};
