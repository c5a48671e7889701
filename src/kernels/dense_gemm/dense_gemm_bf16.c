#include "kernels/dense_gemm/dense_gemm_bf16.h"

#if REAL_IS_FLOAT
extern const dense_gemm_bf16_kernel dense_gemm_bf16_onednn;
#endif
extern const dense_gemm_bf16_kernel dense_gemm_bf16_widen, dense_gemm_bf16_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/dense_gemm_bf16.inc"
};
const kernel_list dense_gemm_bf16_list = {"dense_gemm_bf16", all, sizeof all / sizeof *all};

const dense_gemm_bf16_kernel *dense_gemm_bf16_chosen(void) {
    return (const dense_gemm_bf16_kernel *)kernel_choose(
        dense_gemm_bf16_list.all, dense_gemm_bf16_list.count);
}
