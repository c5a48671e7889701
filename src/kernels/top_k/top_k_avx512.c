#include "kernels/top_k/vector_search.h"

extern const top_k_kernel top_k_avx512;
const top_k_kernel top_k_avx512 = {{"avx512", CPU_AVX512}, row, kth_largest};
