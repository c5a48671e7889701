#include "kernels/layer_norm/layer_norm_vector.h"

extern const layer_norm_kernel layer_norm_avx512;
const layer_norm_kernel layer_norm_avx512 = {{"avx512", CPU_AVX512}, forward_vector, backward_vector};
