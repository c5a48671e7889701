#include "kernels/packed/operands_f32.h"

#include "kernels/relative_attention/tile_product.h"

#include "kernels/relative_attention/fast_backward.h"
#include "kernels/relative_attention/fast_forward.h"

// bf16 operands are widened when they are packed.
extern const relative_attention_kernel relative_attention_avx2, relative_attention_bf16_avx2;
const relative_attention_kernel relative_attention_avx2 = {{"avx2", CPU_AVX2}, forward, backward};
const relative_attention_kernel relative_attention_bf16_avx2 = {{"avx2", CPU_AVX2}, forward, backward};
