#include "kernels/pointwise/pointwise_vector.h"

extern const pointwise_kernel pointwise_avx2;
const pointwise_kernel pointwise_avx2 = {{"avx2", CPU_AVX2}, bias_relu_vector, add_vector,
    relu_backward_vector, dropout_vector, softmax_vector, softmax_backward_vector, widen_vector,
    round_vector};
