#include "kernels/dense_gemm/gemm_tile.h"

// Summed in double: the reference that the other implementations are compared with.
static double dot(const real *a, int64_t step_a, const real *b, int64_t step_b, int64_t k) {
    double sum = 0;
    for (int64_t p = 0; p < k; p++) sum += (double)a[p * step_a] * b[p * step_b];
    return sum;
}
static double bf16_dot(const bf16 *a, int64_t step_a, const bf16 *b, int64_t step_b, int64_t k) {
    double sum = 0;
    for (int64_t p = 0; p < k; p++) sum += (double)bf16_value(a[p * step_a]) * bf16_value(b[p * step_b]);
    return sum;
}

static void put(const gemm_tile *t, int64_t i, int64_t j, real sum) {
    void *row = matrix_row(t->c, i);
    if (t->bias) sum += t->bias[j];
    if (t->relu) sum = sum > 0 ? sum : 0;
    if (t->c.type == TYPE_BF16)
        ((bf16 *)row)[j] = bf16_of((float)sum);
    else
        ((real *)row)[j] = t->accumulate ? ((real *)row)[j] + sum : sum;
}

// Strides in a and b: between rows (or columns) of the product, and between terms.
typedef struct steps {
    int64_t row_a, term_a, col_b, term_b;
} steps;

static steps steps_of(const gemm_tile *t) {
    return (steps){.row_a = t->transpose_a ? 1 : t->stride_a,
        .term_a = t->transpose_a ? t->stride_a : 1,
        .col_b = t->transpose_b ? t->stride_b : 1,
        .term_b = t->transpose_b ? 1 : t->stride_b};
}

static void tile(const gemm_tile *t, real *scratch) {
    (void)scratch;
    steps s = steps_of(t);
    const real *a = t->a, *b = t->b;
    for (int64_t i = 0; i < t->c.rows; i++)
        for (int64_t j = 0; j < t->c.cols; j++)
            put(t, i, j, (real)dot(a + i * s.row_a, s.term_a, b + j * s.col_b, s.term_b, t->k));
}

static void bf16_tile(const gemm_tile *t, real *scratch) {
    (void)scratch;
    steps s = steps_of(t);
    const bf16 *a = t->a, *b = t->b;
    for (int64_t i = 0; i < t->c.rows; i++)
        for (int64_t j = 0; j < t->c.cols; j++)
            put(t, i, j, (real)bf16_dot(a + i * s.row_a, s.term_a, b + j * s.col_b, s.term_b, t->k));
}

extern const gemm_kernel dense_gemm_ref, dense_gemm_bf16_ref;
const gemm_kernel dense_gemm_ref = {{"ref", CPU_SCALAR}, .row_step = 8, .col_step = 48, .tile = tile};
const gemm_kernel dense_gemm_bf16_ref = {
    {"ref", CPU_SCALAR}, .row_step = 8, .col_step = 48, .tile = bf16_tile};
