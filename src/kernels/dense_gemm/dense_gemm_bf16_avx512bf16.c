#include "kernels/packed/operands_pairs.h"
#include "kernels/packed/micro_kernel_vector.h"
#include "kernels/dense_gemm/dense_gemm_packed.h"

extern const gemm_kernel dense_gemm_bf16_avx512bf16;
const gemm_kernel dense_gemm_bf16_avx512bf16 = {{"avx512bf16", CPU_AVX512BF16}, .row_step = ROW_STEP,
    .col_step = COL_STEP, .scratch = SCRATCH, .tile = tile};
