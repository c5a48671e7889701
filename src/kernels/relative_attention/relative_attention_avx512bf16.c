#include "kernels/packed/operands_pairs.h"

#include "kernels/relative_attention/tile_product.h"

#include "kernels/relative_attention/fast_backward.h"
#include "kernels/relative_attention/fast_forward.h"

extern const relative_attention_kernel relative_attention_bf16_avx512bf16;
const relative_attention_kernel relative_attention_bf16_avx512bf16 = {
    {"avx512bf16", CPU_AVX512BF16}, forward, backward};
