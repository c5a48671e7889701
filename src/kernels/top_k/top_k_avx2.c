#include "kernels/top_k/vector_search.h"

extern const top_k_kernel top_k_avx2;
const top_k_kernel top_k_avx2 = {{"avx2", CPU_AVX2}, row, kth_largest};
