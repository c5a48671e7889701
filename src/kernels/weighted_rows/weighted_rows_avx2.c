#include "kernels/weighted_rows/weighted_rows_vector.h"

extern const weighted_rows_kernel weighted_rows_avx2, weighted_rows_bf16_avx2, weighted_rows_i8_avx2;
const weighted_rows_kernel weighted_rows_avx2 = {{"avx2", CPU_AVX2}, add, dot};
const weighted_rows_kernel weighted_rows_bf16_avx2 = {{"avx2", CPU_AVX2}, bf16_add, bf16_dot};
const weighted_rows_kernel weighted_rows_i8_avx2 = {{"avx2", CPU_AVX2}, i8_add, NULL};
