#include "kernels/relative_attention/fast_backward.h"
#include "kernels/relative_attention/fast_forward.h"

extern const relative_attention_kernel relative_attention_avx512;
const relative_attention_kernel relative_attention_avx512 = {{"avx512", CPU_AVX512}, forward, backward};
