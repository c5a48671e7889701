#include "kernels/weighted_rows/weighted_rows_vector.h"

extern const weighted_rows_kernel weighted_rows_avx512;
const weighted_rows_kernel weighted_rows_avx512 = {{"avx512", CPU_AVX512}, add, dot};
