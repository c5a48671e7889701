#include "kernels/dense_gemm/few_rows_vector.h"

extern const few_rows_kernel few_rows_avx512, few_rows_bf16_avx512, few_rows_i8_avx512;
const few_rows_kernel few_rows_avx512 = {{"rows_avx512", CPU_AVX512}, TYPE_REAL, columns};
const few_rows_kernel few_rows_bf16_avx512 = {{"rows_avx512", CPU_AVX512}, TYPE_REAL, bf16_columns};
const few_rows_kernel few_rows_i8_avx512 = {{"rows_avx512", CPU_AVX512}, TYPE_REAL, i8_columns};
