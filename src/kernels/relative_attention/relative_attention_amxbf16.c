#include "kernels/packed/operands_pairs.h"

#include "kernels/relative_attention/tile_product_amx.h"

#include "kernels/relative_attention/fast_backward.h"
#include "kernels/relative_attention/fast_forward.h"

extern const relative_attention_kernel relative_attention_bf16_amxbf16;
const relative_attention_kernel relative_attention_bf16_amxbf16 = {{"amxbf16", CPU_AMX}, forward, backward};
