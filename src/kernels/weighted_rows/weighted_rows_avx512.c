#include "kernels/weighted_rows/weighted_rows_vector.h"

extern const weighted_rows_kernel weighted_rows_avx512, weighted_rows_bf16_avx512, weighted_rows_i8_avx512;
const weighted_rows_kernel weighted_rows_avx512 = {{"avx512", CPU_AVX512}, add, dot};
const weighted_rows_kernel weighted_rows_bf16_avx512 = {{"avx512", CPU_AVX512}, bf16_add, bf16_dot};
const weighted_rows_kernel weighted_rows_i8_avx512 = {{"avx512", CPU_AVX512}, i8_add, NULL};
