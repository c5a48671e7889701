#include "kernels/expert_ffn/words_widened.h"
#include "kernels/expert_ffn/tiles.h"
#include "kernels/expert_ffn/packed.h"

extern const expert_ffn_kernel expert_ffn_bf16_avx512;
const expert_ffn_kernel expert_ffn_bf16_avx512 = {{"avx512", CPU_AVX512}, up, down, backward};
