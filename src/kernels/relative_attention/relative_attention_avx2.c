#include "kernels/relative_attention/fast_backward.h"
#include "kernels/relative_attention/fast_forward.h"

extern const relative_attention_kernel relative_attention_avx2;
const relative_attention_kernel relative_attention_avx2 = {{"avx2", CPU_AVX2}, forward, backward};
