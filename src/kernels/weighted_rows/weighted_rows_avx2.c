#include "kernels/weighted_rows/weighted_rows_vector.h"

extern const weighted_rows_kernel weighted_rows_avx2;
const weighted_rows_kernel weighted_rows_avx2 = {{"avx2", CPU_AVX2}, add, dot};
