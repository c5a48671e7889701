#include "kernels/pointwise/pointwise_vector.h"

extern const pointwise_kernel pointwise_avx512;
const pointwise_kernel pointwise_avx512 = {{"avx512", CPU_AVX512}, bias_relu_vector, add_vector,
    relu_backward_vector, dropout_vector, softmax_vector, softmax_backward_vector, widen_vector,
    round_vector};
