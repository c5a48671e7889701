#include "kernels/cached_attention/cached_attention_vector.h"

extern const cached_attention_kernel cached_attention_avx512, cached_attention_bf16_avx512;
const cached_attention_kernel cached_attention_avx512 = {{"avx512", CPU_AVX512}, head};
const cached_attention_kernel cached_attention_bf16_avx512 = {{"avx512", CPU_AVX512}, bf16_head};
