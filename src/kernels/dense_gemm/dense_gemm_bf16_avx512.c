#include "kernels/packed/operands_widened.h"
#include "kernels/packed/micro_kernel_vector.h"
#include "kernels/dense_gemm/dense_gemm_packed.h"

extern const gemm_kernel dense_gemm_bf16_avx512;
const gemm_kernel dense_gemm_bf16_avx512 = {
    {"avx512", CPU_AVX512}, .row_step = ROW_STEP, .col_step = COL_STEP, .scratch = SCRATCH, .tile = tile};
