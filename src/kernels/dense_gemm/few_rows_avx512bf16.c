#include "kernels/dense_gemm/few_rows_vector.h"

extern const few_rows_kernel few_rows_bf16_avx512bf16;
const few_rows_kernel few_rows_bf16_avx512bf16 = {
    {"rows_avx512bf16", CPU_AVX512BF16}, TYPE_BF16, bf16_columns};
