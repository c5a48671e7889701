#include "kernels/packed/operands_widened.h"
#include "kernels/packed/micro_kernel_vector.h"
#include "kernels/expert_ffn/expert_products.h"

extern const expert_ffn_kernel expert_ffn_bf16_avx512;
const expert_ffn_kernel expert_ffn_bf16_avx512 = {
    {"avx512", CPU_AVX512}, up_products, down_products, backward_products, packed_set_bytes, pack_set};
