#include "kernels/linear_cross_entropy/linear_cross_entropy_vector.h"

extern const linear_cross_entropy_kernel linear_cross_entropy_avx512;
const linear_cross_entropy_kernel linear_cross_entropy_avx512 = {{"avx512", CPU_AVX512}, rows_vector};
