#include "kernels/layer_norm/layer_norm_vector.h"

extern const layer_norm_kernel layer_norm_avx2;
const layer_norm_kernel layer_norm_avx2 = {{"avx2", CPU_AVX2}, forward_vector, backward_vector};
