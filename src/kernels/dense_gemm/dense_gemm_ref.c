#include "kernels/dense_gemm/dense_gemm.h"

// Summed in double: the truth that the others are held against.
static real dot(const real *a, int64_t step_a, const real *b, int64_t step_b, int64_t k) {
    double sum = 0;
    for (int64_t p = 0; p < k; p++) sum += (double)a[p * step_a] * b[p * step_b];
    return (real)sum;
}

static void tile(const gemm_tile *t) {
    int64_t row_a = t->transpose_a ? 1 : t->stride_a, step_a = t->transpose_a ? t->stride_a : 1;
    int64_t col_b = t->transpose_b ? t->stride_b : 1, step_b = t->transpose_b ? 1 : t->stride_b;
    for (int64_t i = 0; i < t->m; i++)
        for (int64_t j = 0; j < t->n; j++) {
            real *c = &t->c[i * t->stride_c + j];
            real product = t->alpha * dot(t->a + i * row_a, step_a, t->b + j * col_b, step_b, t->k);
            *c = t->beta == 0 ? product : product + t->beta * *c;
        }
}

extern const dense_gemm_kernel dense_gemm_ref;
const dense_gemm_kernel dense_gemm_ref = {{"ref", CPU_SCALAR}, tile};
