#include "kernels/sparse_gemm/sparse_gemm_vector.h"

extern const sparse_gemm_kernel sparse_gemm_avx512;
const sparse_gemm_kernel sparse_gemm_avx512 = {
    {"avx512", CPU_AVX512}, STRIP, count, find, turn, store_bf16, add, add_bf16};
