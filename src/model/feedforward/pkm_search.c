#include "model/feedforward/pkm_search.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/product_key/product_key.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward/token_grouping.h"

#include <string.h>

// The values found for each token, head by head; kept for the backward pass.
typedef struct finding {
    matrix weight;  // [T, h * knn]: activated scores
    int32_t *value; // [T, h * knn]: indices of values
} finding;

// Half scores [T, h * n]; those of head h start at column h * n.
static sigmoe_status half_scores(
    const ff_layer *layer, step_context *step, int half, matrix x, matrix *scores) {
    matrix keys = ff_value(layer, half); // [h * n, d/2]
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, x.rows, keys.rows, scores));
    gemm_call call = {.transpose_b = true, .a = pkm_half(x, half), .b = keys, .c = *scores};
    return dense_gemm(&step->kernel, &call);
}

// Copies one head's findings [T, knn] into its columns of the tokens' findings.
typedef struct merge_work {
    const finding *f;
    int64_t first, count; // columns
    const real *scores;
    const int32_t *values;
} merge_work;

static void merge_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const merge_work *work = context;
    for (int64_t t = first; t < last; t++) {
        int64_t to = t * work->f->weight.cols + work->first, from = t * work->count;
        memcpy(matrix_real(work->f->weight) + to, work->scores + from, (size_t)work->count * sizeof(real));
        memcpy(work->f->value + to, work->values + from, (size_t)work->count * sizeof(int32_t));
    }
}

static sigmoe_status search(const ff_layer *layer, step_context *step, matrix x, finding *f) {
    const pkm_options *o = &layer->options.pkm;
    const kernel_context *kernel = &step->kernel;
    matrix left, right;
    TRY(half_scores(layer, step, SUBKEYS_LEFT, x, &left));
    TRY(half_scores(layer, step, SUBKEYS_RIGHT, x, &right));
    real *scores;
    int32_t *values;
    TRY(ARENA_NEW_RAW(kernel->scratch, scores, x.rows * o->knn));
    TRY(ARENA_NEW_RAW(kernel->scratch, values, x.rows * o->knn));
    for (int64_t h = 0; h < o->n_heads; h++) {
        matrix a = matrix_part(left, 0, x.rows, h * o->n_subkeys, o->n_subkeys);
        matrix b = matrix_part(right, 0, x.rows, h * o->n_subkeys, o->n_subkeys);
        TRY(product_key_search(kernel, a, b, o->knn, scores, values));
        merge_work work = {f, h * o->knn, o->knn, scores, values};
        for_row_blocks(kernel->threads, x.rows, merge_rows, &work);
    }
    return SIGMOE_OK;
}

// Sums over the values found; in the backward pass also dweight and the gradients of the half scores.
typedef struct value_work {
    const finding *f;
    const real *values; // [n², d]
    int64_t n, width;   // n, d
    int64_t knn;
    matrix y;                        // [T, d], or its gradient
    matrix dweight;                  // [T, h * knn]
    matrix left, right;              // gradients [T, h * n]
    const expert_grouping *grouping; // of the pairs by value
    real *dvalues;                   // [n², d]
} value_work;

static void sum_value_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const value_work *work = context;
    const finding *f = work->f;
    for (int64_t t = first; t < last; t++) {
        real *y = matrix_real(work->y) + t * work->y.stride;
        const real *weight = matrix_real(f->weight) + t * f->weight.stride;
        const int32_t *found = f->value + t * f->weight.cols;
        memset(y, 0, (size_t)work->width * sizeof(real));
        for (int64_t p = 0; p < f->weight.cols; p++) {
            if (weight[p] == 0) continue; // much, with ReLU
            const real *value = work->values + found[p] * work->width;
            for (int64_t c = 0; c < work->width; c++) y[c] += weight[p] * value[c];
        }
    }
}

sigmoe_status pkm_search_forward(
    const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    const pkm_options *o = &layer->options.pkm;
    arena *home = ff_home(step);
    finding *f;
    TRY(ARENA_NEW(home, f, 1));
    TRY(matrix_new(home, TYPE_REAL, x.rows, o->n_heads * o->knn, &f->weight));
    TRY(ARENA_NEW_RAW(home, f->value, x.rows * o->n_heads * o->knn));
    TRY(search(layer, step, x, f));
    if (o->activation == PKM_RELU)
        bias_relu(&step->kernel, f->weight, NULL);
    else
        softmax_rows(&step->kernel, f->weight);
    observe_found_channels(layer, step, f->weight, f->value);
    *saved = f;
    value_work work = {
        .f = f, .values = ff_tensor(layer, VALUES)->value, .width = layer->around.d_model, .y = y};
    for_row_blocks(step->kernel.threads, x.rows, sum_value_rows, &work);
    return SIGMOE_OK;
}

enum { LANES = 8 }; // sums that run side by side: one alone would wait for each addition

static real dot(const real *x, const real *y, int64_t n) {
    real lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += x[i + l] * y[i + l];
    for (; i < n; i++) sum += x[i] * y[i];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    return sum;
}

static void weight_gradient_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const value_work *work = context;
    const finding *f = work->f;
    for (int64_t t = first; t < last; t++) {
        const real *dy = matrix_real(work->y) + t * work->y.stride;
        const int32_t *found = f->value + t * f->weight.cols;
        real *dweight = matrix_real(work->dweight) + t * work->dweight.stride;
        for (int64_t p = 0; p < f->weight.cols; p++) {
            dweight[p] = dot(dy, work->values + found[p] * work->width, work->width);
        }
    }
}

// Each value's gradient is summed by one task, over the value's pairs in token order.
static void value_gradient_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const value_work *work = context;
    const expert_grouping *g = work->grouping;
    for (int64_t v = first; v < last; v++) {
        real *dvalue = work->dvalues + v * work->width;
        for (int64_t at = g->offset[v]; at < g->offset[v + 1]; at++) {
            int64_t pair = g->pair[at];
            real weight = matrix_real(work->f->weight)[pair];
            if (weight == 0) continue;
            const real *dy = matrix_real(work->y) + pair / g->slots * work->y.stride;
            for (int64_t c = 0; c < work->width; c++) dvalue[c] += weight * dy[c];
        }
    }
}

static void half_gradient_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const value_work *work = context;
    const finding *f = work->f;
    for (int64_t t = first; t < last; t++) {
        real *da = matrix_real(work->left) + t * work->left.stride;
        real *db = matrix_real(work->right) + t * work->right.stride;
        const real *dscore = matrix_real(work->dweight) + t * work->dweight.stride;
        const int32_t *found = f->value + t * f->weight.cols;
        memset(da, 0, (size_t)work->left.cols * sizeof(real));
        memset(db, 0, (size_t)work->right.cols * sizeof(real));
        for (int64_t p = 0; p < f->weight.cols; p++) {
            int64_t head = p / work->knn;
            da[head * work->n + found[p] / work->n] += dscore[p];
            db[head * work->n + found[p] % work->n] += dscore[p];
        }
    }
}

static sigmoe_status half_backward(
    const ff_layer *layer, step_context *step, int half, matrix dscores, matrix x, matrix dx) {
    gemm_call through = {.a = dscores, .b = ff_value(layer, half), .c = pkm_half(dx, half)};
    TRY(dense_gemm(&step->kernel, &through));
    gemm_call dkeys = {.transpose_a = true,
        .accumulate = true,
        .a = dscores,
        .b = pkm_half(x, half),
        .c = ff_gradient(layer, half)};
    return dense_gemm(&step->kernel, &dkeys);
}

sigmoe_status pkm_search_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    const pkm_options *o = &layer->options.pkm;
    const kernel_context *kernel = &step->kernel;
    const finding *f = saved;
    int64_t values = o->n_subkeys * o->n_subkeys, found = o->n_heads * o->knn,
            keys = o->n_heads * o->n_subkeys;
    expert_grouping grouping;
    TRY(group_tokens(kernel->scratch, f->value, x.rows, found, values, &grouping));
    value_work work = {.f = f,
        .values = ff_tensor(layer, VALUES)->value,
        .n = o->n_subkeys,
        .width = layer->around.d_model,
        .knn = o->knn,
        .y = dy,
        .grouping = &grouping,
        .dvalues = ff_tensor(layer, VALUES)->gradient};
    for_row_blocks(kernel->threads, values, value_gradient_rows, &work);

    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, found, &work.dweight));
    for_row_blocks(kernel->threads, x.rows, weight_gradient_rows, &work);
    if (o->activation == PKM_RELU)
        relu_backward(kernel, f->weight, work.dweight, 1);
    else
        softmax_rows_backward(kernel, f->weight, work.dweight);

    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, keys, &work.left));
    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, keys, &work.right));
    for_row_blocks(kernel->threads, x.rows, half_gradient_rows, &work);
    TRY(half_backward(layer, step, SUBKEYS_LEFT, work.left, x, dx));
    return half_backward(layer, step, SUBKEYS_RIGHT, work.right, x, dx);
}
