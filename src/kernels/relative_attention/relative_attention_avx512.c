#include "kernels/packed/operands_f32.h"

#include "kernels/relative_attention/tile_product.h"

#include "kernels/relative_attention/fast_backward.h"
#include "kernels/relative_attention/fast_forward.h"

// bf16 operands are widened when they are packed.
extern const relative_attention_kernel relative_attention_avx512, relative_attention_bf16_avx512;
const relative_attention_kernel relative_attention_avx512 = {{"avx512", CPU_AVX512}, forward, backward};
const relative_attention_kernel relative_attention_bf16_avx512 = {{"avx512", CPU_AVX512}, forward, backward};
