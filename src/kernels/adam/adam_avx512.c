#include "kernels/adam/adam_vector.h"

extern const adam_kernel adam_avx512;
const adam_kernel adam_avx512 = {{"avx512", CPU_AVX512}, update_vector, squares_vector};
