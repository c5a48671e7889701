#include "kernels/sparse_gemm/sparse_gemm_vector.h"

extern const sparse_gemm_kernel sparse_gemm_avx2;
const sparse_gemm_kernel sparse_gemm_avx2 = {
    {"avx2", CPU_AVX2}, STRIP, count, find, turn, store_bf16, add, add_bf16};
