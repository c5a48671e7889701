#include "model/feedforward/pkm_all.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"
#include "model/feedforward/statistics.h"

// Σ_h a_h[i] = (Σ_h A_h)[i] · x: summing the sub-keys first leaves one product instead of h. [n, d/2], in scratch memory.
static sigmoe_status sum_heads(const ff_layer *layer, step_context *step, int half, matrix *sum) {
    const parameter *keys = ff_tensor(layer, half);
    int64_t heads = keys->shape[0], n = keys->shape[1], width = keys->shape[2];
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, n, width, sum));
    copy_into(&step->kernel, *sum, matrix_of(keys->value, n, width));
    for (int64_t h = 1; h < heads; h++)
        add_into(&step->kernel, *sum, matrix_of(keys->value + h * n * width, n, width));
    return SIGMOE_OK;
}

// Each head's sub-keys get the gradient of the sum.
static void spread_to_heads(const ff_layer *layer, step_context *step, int half, matrix dsum) {
    const parameter *keys = ff_tensor(layer, half);
    for (int64_t h = 0; h < keys->shape[0]; h++)
        add_into(
            &step->kernel, matrix_of(keys->gradient + h * dsum.rows * dsum.cols, dsum.rows, dsum.cols), dsum);
}

// Weights [T, n²] and the half scores [T, n] they are computed from, or the gradients of both.
typedef struct outer_work {
    matrix left, right, weight, dweight;
    bool relu;
} outer_work;

static void outer_sum_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const outer_work *work = context;
    int64_t n = work->left.cols;
    for (int64_t t = first; t < last; t++) {
        const real *a = matrix_real(work->left) + t * work->left.stride;
        const real *b = matrix_real(work->right) + t * work->right.stride;
        real *weight = matrix_real(work->weight) + t * work->weight.stride;
        for (int64_t i = 0; i < n; i++, weight += n) {
            if (work->relu)
                for (int64_t j = 0; j < n; j++) weight[j] = a[i] + b[j] < 0 ? 0 : a[i] + b[j];
            else
                for (int64_t j = 0; j < n; j++) weight[j] = a[i] + b[j];
        }
    }
}

enum { LANES = 8 }; // sums that run side by side: one alone would wait for each addition

static real sum_of(const real *x, int64_t n) {
    real lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += x[i + l];
    for (; i < n; i++) sum += x[i];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    return sum;
}

static void outer_sum_backward_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const outer_work *work = context;
    int64_t n = work->left.cols;
    for (int64_t t = first; t < last; t++) {
        real *da = matrix_real(work->left) + t * work->left.stride;
        real *db = matrix_real(work->right) + t * work->right.stride;
        const real *dscore = matrix_real(work->dweight) + t * work->dweight.stride;
        for (int64_t j = 0; j < n; j++) db[j] = 0;
        for (int64_t i = 0; i < n; i++, dscore += n) {
            da[i] = sum_of(dscore, n);
            for (int64_t j = 0; j < n; j++) db[j] += dscore[j];
        }
    }
}

static sigmoe_status half_scores(
    const ff_layer *layer, step_context *step, int half, matrix x, matrix *scores) {
    matrix keys;
    TRY(sum_heads(layer, step, half, &keys));
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, x.rows, keys.rows, scores));
    gemm_call call = {.transpose_b = true, .a = pkm_half(x, half), .b = keys, .c = *scores};
    return dense_gemm(&step->kernel, &call);
}

sigmoe_status pkm_all_forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    const pkm_options *o = &layer->options.pkm;
    arena *home = ff_home(step);
    matrix *weight;
    TRY(ARENA_NEW(home, weight, 1));
    TRY(matrix_new(home, TYPE_REAL, x.rows, o->n_subkeys * o->n_subkeys, weight));
    outer_work work = {.weight = *weight, .relu = o->activation == PKM_RELU};
    TRY(half_scores(layer, step, SUBKEYS_LEFT, x, &work.left));
    TRY(half_scores(layer, step, SUBKEYS_RIGHT, x, &work.right));
    for_row_blocks(step->kernel.threads, x.rows, outer_sum_rows, &work);
    if (!work.relu) softmax_rows(&step->kernel, *weight);
    observe_channels(layer, step, *weight);
    *saved = weight;
    gemm_call sum = {.a = *weight, .b = ff_value(layer, VALUES), .c = y};
    return dense_gemm(&step->kernel, &sum);
}

static sigmoe_status half_backward(
    const ff_layer *layer, step_context *step, int half, matrix dscores, matrix x, matrix dx) {
    matrix keys, dkeys;
    TRY(sum_heads(layer, step, half, &keys));
    gemm_call through = {.a = dscores, .b = keys, .c = pkm_half(dx, half)};
    TRY(dense_gemm(&step->kernel, &through));
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, keys.rows, keys.cols, &dkeys));
    gemm_call sum = {.transpose_a = true, .a = dscores, .b = pkm_half(x, half), .c = dkeys};
    TRY(dense_gemm(&step->kernel, &sum));
    spread_to_heads(layer, step, half, dkeys);
    return SIGMOE_OK;
}

sigmoe_status pkm_all_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    const kernel_context *kernel = &step->kernel;
    int64_t n = layer->options.pkm.n_subkeys;
    outer_work work = {.weight = *(matrix *)saved, .relu = layer->options.pkm.activation == PKM_RELU};
    gemm_call dvalues = {
        .transpose_a = true, .accumulate = true, .a = work.weight, .b = dy, .c = ff_gradient(layer, VALUES)};
    TRY(dense_gemm(kernel, &dvalues));
    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, n * n, &work.dweight));
    gemm_call dweight = {.transpose_b = true, .a = dy, .b = ff_value(layer, VALUES), .c = work.dweight};
    TRY(dense_gemm(kernel, &dweight));
    if (work.relu)
        relu_backward(kernel, work.weight, work.dweight, 1);
    else
        softmax_rows_backward(kernel, work.weight, work.dweight);

    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, n, &work.left));
    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, n, &work.right));
    for_row_blocks(kernel->threads, x.rows, outer_sum_backward_rows, &work);
    TRY(half_backward(layer, step, SUBKEYS_LEFT, work.left, x, dx));
    return half_backward(layer, step, SUBKEYS_RIGHT, work.right, x, dx);
}
