#include "kernels/expert_ffn/words_widened.h"
#include "kernels/expert_ffn/tiles.h"
#include "kernels/expert_ffn/packed.h"

extern const expert_ffn_kernel expert_ffn_bf16_avx2;
const expert_ffn_kernel expert_ffn_bf16_avx2 = {{"avx2", CPU_AVX2}, up, down, backward};
