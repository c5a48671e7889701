#include "kernels/cached_attention/cached_attention_vector.h"

extern const cached_attention_kernel cached_attention_avx2, cached_attention_bf16_avx2;
const cached_attention_kernel cached_attention_avx2 = {{"avx2", CPU_AVX2}, head};
const cached_attention_kernel cached_attention_bf16_avx2 = {{"avx2", CPU_AVX2}, bf16_head};
