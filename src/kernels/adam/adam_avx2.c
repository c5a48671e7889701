#include "kernels/adam/adam_vector.h"

extern const adam_kernel adam_avx2;
const adam_kernel adam_avx2 = {{"avx2", CPU_AVX2}, update_vector, squares_vector};
