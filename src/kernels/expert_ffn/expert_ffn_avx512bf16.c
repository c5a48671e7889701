#include "kernels/expert_ffn/words_pairs.h"
#include "kernels/expert_ffn/tiles.h"
#include "kernels/expert_ffn/packed.h"

extern const expert_ffn_kernel expert_ffn_bf16_avx512bf16;
const expert_ffn_kernel expert_ffn_bf16_avx512bf16 = {{"avx512bf16", CPU_AVX512BF16}, up, down, backward};
