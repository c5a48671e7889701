#include "model/feedforward/pkm_all.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"
#include "model/feedforward/statistics.h"

// Σ_h a_h[i] = (Σ_h A_h)[i] · x: summing the sub-keys first leaves one product instead of h. [n, d/2], an operand, in scratch
// memory.
static sigmoe_status sum_heads(const ff_layer *layer, step_context *step, int half, matrix *out) {
    const kernel_context *kernel = &step->kernel;
    const parameter *p = ff_tensor(layer, half);
    int64_t heads = p->shape[0], n = p->shape[1], width = p->shape[2];
    matrix keys, sum;
    TRY(matrix_as(kernel, ff_operand(layer, step, half), TYPE_REAL, &keys));
    TRY(matrix_new(kernel->scratch, TYPE_REAL, n, width, &sum));
    copy_into(kernel, sum, matrix_part(keys, 0, n, 0, width));
    for (int64_t h = 1; h < heads; h++) add_into(kernel, sum, matrix_part(keys, h * n, n, 0, width));
    return matrix_as(kernel, sum, step->operands, out);
}

// Each head's sub-keys get the gradient of the sum.
static void spread_to_heads(const ff_layer *layer, step_context *step, int half, matrix dsum) {
    const parameter *keys = ff_tensor(layer, half);
    for (int64_t h = 0; h < keys->shape[0]; h++)
        add_into(
            &step->kernel, matrix_of(keys->gradient + h * dsum.rows * dsum.cols, dsum.rows, dsum.cols), dsum);
}

// Weights [T, n²], which are operands, and the half scores [T, n] they are computed from, or the gradients of both.
typedef struct outer_work {
    const pointwise_kernel *kernel;
    matrix left, right, weight, dweight;
    real *room; // [threads, 2, n²]: a token's weights and their gradients, where those are rounded
    bool relu;
} outer_work;

enum { ROOM_WEIGHT, ROOM_DWEIGHT };

// Token t's row of m where it can be computed with: m's own, or room for it.
static real *row_or_room(const outer_work *work, matrix m, int64_t t, int thread, int which) {
    return m.type == TYPE_REAL ? matrix_row(m, t) : work->room + (2 * thread + which) * m.cols;
}

static real *read_row(const outer_work *work, matrix m, int64_t t, int thread, int which) {
    real *row = row_or_room(work, m, t, thread, which);
    if (m.type != TYPE_REAL) work->kernel->widen(row, matrix_row(m, t), m.cols);
    return row;
}

static void outer_sum(const outer_work *work, int64_t t, real *weight) {
    int64_t n = work->left.cols;
    const real *a = matrix_row(work->left, t), *b = matrix_row(work->right, t);
    for (int64_t i = 0; i < n; i++, weight += n) {
        if (work->relu)
            for (int64_t j = 0; j < n; j++) weight[j] = a[i] + b[j] < 0 ? 0 : a[i] + b[j];
        else
            for (int64_t j = 0; j < n; j++) weight[j] = a[i] + b[j];
    }
}

static void outer_sum_rows(void *context, int64_t first, int64_t last, int thread) {
    const outer_work *work = context;
    matrix m = work->weight;
    for (int64_t t = first; t < last; t++) {
        real *weight = row_or_room(work, m, t, thread, ROOM_WEIGHT);
        outer_sum(work, t, weight);
        if (!work->relu) work->kernel->softmax(weight, m.cols);
        if (m.type != TYPE_REAL) work->kernel->round(matrix_row(m, t), weight, m.cols);
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

// The gradients of a token's half scores, from those of their sums.
static void outer_sum_backward(const outer_work *work, int64_t t, const real *dscore) {
    int64_t n = work->left.cols;
    real *da = matrix_row(work->left, t), *db = matrix_row(work->right, t);
    for (int64_t j = 0; j < n; j++) db[j] = 0;
    for (int64_t i = 0; i < n; i++, dscore += n) {
        da[i] = sum_of(dscore, n);
        for (int64_t j = 0; j < n; j++) db[j] += dscore[j];
    }
}

static void outer_sum_backward_rows(void *context, int64_t first, int64_t last, int thread) {
    const outer_work *work = context;
    for (int64_t t = first; t < last; t++) {
        const real *weight = read_row(work, work->weight, t, thread, ROOM_WEIGHT);
        real *dscore = read_row(work, work->dweight, t, thread, ROOM_DWEIGHT);
        if (work->relu)
            work->kernel->relu_backward(weight, dscore, work->weight.cols, 1);
        else
            work->kernel->softmax_backward(weight, dscore, work->weight.cols);
        outer_sum_backward(work, t, dscore);
    }
}

static sigmoe_status work_open(
    const ff_layer *layer, const step_context *step, matrix weight, outer_work *work) {
    const kernel_context *kernel = &step->kernel;
    *work = (outer_work){
        .kernel = pointwise_chosen(), .weight = weight, .relu = layer->options.pkm.activation == PKM_RELU};
    if (weight.type == TYPE_REAL) return SIGMOE_OK;
    return ARENA_NEW_RAW(kernel->scratch, work->room, 2 * threads_count(kernel->threads) * weight.cols);
}

static sigmoe_status half_scores(
    const ff_layer *layer, step_context *step, int half, matrix x, matrix *scores) {
    matrix keys;
    TRY(sum_heads(layer, step, half, &keys));
    return pkm_half_scores(step, half, x, keys, scores);
}

// The weight of every value, and what they are computed from.
static sigmoe_status weigh_values(const ff_layer *layer, step_context *step, matrix x, matrix weight) {
    THREADS_PART(step->kernel.threads, "feedforward: scores");
    outer_work work;
    TRY(work_open(layer, step, weight, &work));
    TRY(half_scores(layer, step, SUBKEYS_LEFT, x, &work.left));
    TRY(half_scores(layer, step, SUBKEYS_RIGHT, x, &work.right));
    for_row_blocks(step->kernel.threads, x.rows, outer_sum_rows, &work);
    return SIGMOE_OK;
}

static sigmoe_status sum_values(const ff_layer *layer, step_context *step, matrix weight, matrix y) {
    THREADS_PART(step->kernel.threads, "feedforward: values");
    gemm_call sum = {.a = weight, .b = ff_operand(layer, step, VALUES), .c = y};
    return dense_gemm(&step->kernel, &sum);
}

sigmoe_status pkm_all_forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    const pkm_options *o = &layer->options.pkm;
    arena *home = ff_home(step);
    matrix *weight;
    TRY(ARENA_NEW(home, weight, 1));
    TRY(matrix_new(home, step->operands, x.rows, o->n_subkeys * o->n_subkeys, weight));
    TRY(weigh_values(layer, step, x, *weight));
    observe_channels(layer, step, *weight);
    *saved = weight;
    return sum_values(layer, step, *weight, y);
}

static sigmoe_status half_backward(
    const ff_layer *layer, step_context *step, int half, matrix dscores, matrix x, matrix dx) {
    pkm_half_gradients g = {.dscores = dscores, .x = x, .dx = dx};
    TRY(sum_heads(layer, step, half, &g.keys));
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, g.keys.rows, g.keys.cols, &g.dkeys));
    TRY(pkm_half_backward(step, half, &g));
    spread_to_heads(layer, step, half, g.dkeys);
    return SIGMOE_OK;
}

// The gradients of the values and of their weights.
static sigmoe_status values_backward(const ff_layer *layer, step_context *step, outer_work *work, matrix dy) {
    THREADS_PART(step->kernel.threads, "feedforward: values, backward");
    const kernel_context *kernel = &step->kernel;
    matrix weight = work->weight;
    gemm_call dvalues = {
        .transpose_a = true, .accumulate = true, .a = weight, .b = dy, .c = ff_gradient(layer, VALUES)};
    TRY(dense_gemm(kernel, &dvalues));
    TRY(matrix_new(kernel->scratch, weight.type, weight.rows, weight.cols, &work->dweight));
    gemm_call dweight = {
        .transpose_b = true, .a = dy, .b = ff_operand(layer, step, VALUES), .c = work->dweight};
    return dense_gemm(kernel, &dweight);
}

sigmoe_status pkm_all_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    const kernel_context *kernel = &step->kernel;
    int64_t n = layer->options.pkm.n_subkeys;
    outer_work work;
    TRY(work_open(layer, step, *(matrix *)saved, &work));
    TRY(values_backward(layer, step, &work, dy));
    THREADS_PART(kernel->threads, "feedforward: scores, backward");
    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, n, &work.left));
    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, n, &work.right));
    for_row_blocks(kernel->threads, x.rows, outer_sum_backward_rows, &work);
    TRY(half_backward(layer, step, SUBKEYS_LEFT, work.left, x, dx));
    return half_backward(layer, step, SUBKEYS_RIGHT, work.right, x, dx);
}
