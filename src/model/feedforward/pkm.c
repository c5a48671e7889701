#include "model/feedforward/pkm.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"

// The first or second half (`half`) of the columns of x [T, d].
static matrix half_of(matrix x, int half) {
    return matrix_part(x, 0, x.rows, half * (x.cols / 2), x.cols / 2);
}

sigmoe_status pkm_half_scores(step_context *step, int half, matrix x, matrix keys, matrix *scores) {
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, x.rows, keys.rows, scores));
    gemm_call call = {.transpose_b = true, .a = half_of(x, half), .b = keys, .c = *scores};
    return dense_gemm(&step->kernel, &call);
}

sigmoe_status pkm_half_backward(step_context *step, int half, const pkm_half_gradients *g) {
    matrix dscores;
    TRY(matrix_as(&step->kernel, g->dscores, step->operands, &dscores));
    gemm_call through = {.a = dscores, .b = g->keys, .c = half_of(g->dx, half)};
    TRY(dense_gemm(&step->kernel, &through));
    gemm_call sum = {.transpose_a = true,
        .accumulate = g->accumulate,
        .a = dscores,
        .b = half_of(g->x, half),
        .c = g->dkeys};
    return dense_gemm(&step->kernel, &sum);
}
