#include "kernels/dense_gemm/few_rows_vector.h"

extern const few_rows_kernel few_rows_avx2, few_rows_bf16_avx2, few_rows_i8_avx2;
const few_rows_kernel few_rows_avx2 = {{"rows_avx2", CPU_AVX2}, TYPE_REAL, columns};
const few_rows_kernel few_rows_bf16_avx2 = {{"rows_avx2", CPU_AVX2}, TYPE_REAL, bf16_columns};
const few_rows_kernel few_rows_i8_avx2 = {{"rows_avx2", CPU_AVX2}, TYPE_REAL, i8_columns};
