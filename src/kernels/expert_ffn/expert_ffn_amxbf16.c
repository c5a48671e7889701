#include "kernels/expert_ffn/words_pairs.h"
#include "kernels/expert_ffn/tiles_amx.h"
#include "kernels/expert_ffn/packed.h"

extern const expert_ffn_kernel expert_ffn_bf16_amxbf16;
const expert_ffn_kernel expert_ffn_bf16_amxbf16 = {{"amxbf16", CPU_AMX}, up, down, backward};
