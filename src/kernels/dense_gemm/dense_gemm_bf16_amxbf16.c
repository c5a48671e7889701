#include "kernels/packed/operands_pairs.h"
#include "kernels/packed/micro_kernel_amx.h"
#include "kernels/dense_gemm/dense_gemm_packed.h"

extern const gemm_kernel dense_gemm_bf16_amxbf16;
const gemm_kernel dense_gemm_bf16_amxbf16 = {
    {"amxbf16", CPU_AMX}, .row_step = ROW_STEP, .col_step = COL_STEP, .scratch = SCRATCH, .tile = tile};
