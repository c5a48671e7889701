// Products by oneDNN, one thread per tile: oneDNN guarantees equal bits only at an equal thread count, so we split the work.
#include "kernels/dense_gemm/gemm_tile.h"
#include "kernels/dense_gemm/onednn_matmul.h"

#include <oneapi/dnnl/dnnl.h>

extern const gemm_kernel dense_gemm_ref, dense_gemm_bf16_ref;

enum { ROW_STEP = 8, COL_STEP = 48 }; // measured

static void tile(const gemm_tile *t, real *scratch) {
    int host_threads = onednn_begin();
    dnnl_status_t status =
        dnnl_sgemm(t->transpose_a ? 'T' : 'N', t->transpose_b ? 'T' : 'N', t->c.rows, t->c.cols, t->k, 1,
            t->a, t->stride_a, t->b, t->stride_b, t->accumulate, matrix_real(t->c), t->c.stride);
    onednn_end(host_threads);
    // Fails only on unsupported leading dimensions and, before it writes anything, if out of memory.
    if (status == dnnl_success)
        gemm_tile_finish(t);
    else
        dense_gemm_ref.tile(t, scratch);
}

// With b transposed, sgemm reaches 95 instead of 110 GF/s, because every tile transposes its part of b again.
extern const gemm_kernel dense_gemm_onednn;
const gemm_kernel dense_gemm_onednn = {
    {"onednn", CPU_AVX2}, .row_step = ROW_STEP, .col_step = COL_STEP, .turns_b = true, .tile = tile};

static void bf16_tile(const gemm_tile *t, real *scratch) {
    int64_t flags =
        MATMUL_BF16_OPERANDS | (t->transpose_a ? MATMUL_TRANSPOSE_A : 0) |
        (t->transpose_b ? MATMUL_TRANSPOSE_B : 0) | (t->c.type == TYPE_BF16 ? MATMUL_BF16_RESULT : 0) |
        (t->accumulate ? MATMUL_ACCUMULATE : 0) | (t->relu ? MATMUL_RELU : 0) | (t->bias ? MATMUL_BIAS : 0);
    onednn_matmul what = {t->c.rows, t->c.cols, t->k, t->stride_a, t->stride_b, t->c.stride, flags};
    if (!onednn_matmul_run(&what, t->a, t->b, t->bias, t->c.data)) dense_gemm_bf16_ref.tile(t, scratch);
}

extern const gemm_kernel dense_gemm_bf16_onednn;
const gemm_kernel dense_gemm_bf16_onednn = {
    {"onednn", CPU_AVX512BF16}, .row_step = ROW_STEP, .col_step = COL_STEP, .tile = bf16_tile};
