#include "kernels/dense_gemm/dense_gemm_bf16.h"

// Summed in double: the truth that the others are held against.
static double dot(const bf16 *a, int64_t step_a, const bf16 *b, int64_t step_b, int64_t k) {
    double sum = 0;
    for (int64_t p = 0; p < k; p++) sum += (double)bf16_value(a[p * step_a]) * bf16_value(b[p * step_b]);
    return sum;
}

static void tile(const bf16_gemm_tile *t, real *scratch) {
    (void)scratch;
    int64_t row_a = t->transpose_a ? 1 : t->stride_a, step_a = t->transpose_a ? t->stride_a : 1;
    int64_t col_b = t->transpose_b ? t->stride_b : 1, step_b = t->transpose_b ? 1 : t->stride_b;
    for (int64_t i = 0; i < t->c.rows; i++)
        for (int64_t j = 0; j < t->c.cols; j++) {
            real value = (real)dot(t->a + i * row_a, step_a, t->b + j * col_b, step_b, t->k);
            if (t->bias) value += t->bias[j];
            if (t->relu) value = value > 0 ? value : 0;
            void *row = matrix_row(t->c, i);
            if (t->c.type == TYPE_BF16)
                ((bf16 *)row)[j] = bf16_of((float)value);
            else
                ((real *)row)[j] = t->accumulate ? ((real *)row)[j] + value : value;
        }
}

extern const dense_gemm_bf16_kernel dense_gemm_bf16_ref;
const dense_gemm_bf16_kernel dense_gemm_bf16_ref = {{"ref", CPU_SCALAR}, 0, tile};
