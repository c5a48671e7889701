#include "kernels/linear_cross_entropy/linear_cross_entropy_vector.h"

extern const linear_cross_entropy_kernel linear_cross_entropy_avx2;
const linear_cross_entropy_kernel linear_cross_entropy_avx2 = {{"avx2", CPU_AVX2}, rows_vector};
