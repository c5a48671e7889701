// oneDNN's products, one thread a tile: it promises equal bits only at an equal thread count, so the split is ours.
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/dense_gemm/dense_gemm_bf16.h"
#include "kernels/dense_gemm/onednn_matmul.h"

#include <oneapi/dnnl/dnnl.h>

extern const dense_gemm_kernel dense_gemm_ref;
extern const dense_gemm_bf16_kernel dense_gemm_bf16_ref;

static void tile(const gemm_tile *t) {
    int host_threads = onednn_begin();
    dnnl_status_t status = dnnl_sgemm(t->transpose_a ? 'T' : 'N', t->transpose_b ? 'T' : 'N', t->m, t->n,
        t->k, t->alpha, t->a, t->stride_a, t->b, t->stride_b, t->beta, t->c, t->stride_c);
    onednn_end(host_threads);
    // It refuses only leading dimensions it cannot take and, before it writes anything, missing memory.
    if (status != dnnl_success) dense_gemm_ref.tile(t);
}

extern const dense_gemm_kernel dense_gemm_onednn;
const dense_gemm_kernel dense_gemm_onednn = {{"onednn", CPU_AVX2}, tile};

static void bf16_tile(const bf16_gemm_tile *t, real *scratch) {
    int64_t flags =
        MATMUL_BF16_OPERANDS | (t->transpose_a ? MATMUL_TRANSPOSE_A : 0) |
        (t->transpose_b ? MATMUL_TRANSPOSE_B : 0) | (t->c.type == TYPE_BF16 ? MATMUL_BF16_RESULT : 0) |
        (t->accumulate ? MATMUL_ACCUMULATE : 0) | (t->relu ? MATMUL_RELU : 0) | (t->bias ? MATMUL_BIAS : 0);
    onednn_matmul what = {t->c.rows, t->c.cols, t->k, t->stride_a, t->stride_b, t->c.stride, flags};
    if (!onednn_matmul_run(&what, t->a, t->b, t->bias, t->c.data)) dense_gemm_bf16_ref.tile(t, scratch);
}

extern const dense_gemm_bf16_kernel dense_gemm_bf16_onednn;
const dense_gemm_bf16_kernel dense_gemm_bf16_onednn = {{"onednn", CPU_AVX512BF16}, 0, bf16_tile};
