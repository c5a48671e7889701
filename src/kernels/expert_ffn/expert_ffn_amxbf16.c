#include "kernels/packed/operands_pairs.h"
#include "kernels/packed/micro_kernel_amx.h"
#include "kernels/expert_ffn/expert_products.h"

extern const expert_ffn_kernel expert_ffn_bf16_amxbf16;
const expert_ffn_kernel expert_ffn_bf16_amxbf16 = {
    {"amxbf16", CPU_AMX}, up_products, down_products, backward_products, packed_set_bytes, pack_set};
