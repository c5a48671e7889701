#include "kernels/packed/operands_f32.h"
#include "kernels/packed/micro_kernel_vector.h"
#include "kernels/dense_gemm/dense_gemm_packed.h"

extern const gemm_kernel dense_gemm_avx2;
const gemm_kernel dense_gemm_avx2 = {
    {"avx2", CPU_AVX2}, .row_step = ROW_STEP, .col_step = COL_STEP, .scratch = SCRATCH, .tile = tile};
