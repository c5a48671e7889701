#include "model/feedforward/pkm_search.h"

#include "kernels/pointwise/pointwise.h"
#include "kernels/product_key/product_key.h"
#include "kernels/weighted_rows/weighted_rows.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward/token_grouping.h"

#include <string.h>

// The values found for each token, head by head; kept for the backward pass.
typedef struct finding {
    matrix weight;  // [T, h * knn]: activated scores
    int32_t *value; // [T, h * knn]: indices of values
} finding;

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
    THREADS_PART(kernel->threads, "feedforward: scores");
    matrix left, right;
    // [T, h * n]; those of head h start at column h * n.
    TRY(pkm_half_scores(step, SUBKEYS_LEFT, x, ff_operand(layer, step, SUBKEYS_LEFT), &left));
    TRY(pkm_half_scores(step, SUBKEYS_RIGHT, x, ff_operand(layer, step, SUBKEYS_RIGHT), &right));
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

static weighted_rows_call values_found(const ff_layer *layer, const step_context *step, const finding *f) {
    return (weighted_rows_call){.rows = ff_operand(layer, step, VALUES),
        .slots = f->weight.cols,
        .index = f->value,
        .weight = matrix_real(f->weight)};
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
    THREADS_PART(step->kernel.threads, "feedforward: values");
    weighted_rows_call sum = values_found(layer, step, f);
    weighted_rows_sum(&step->kernel, &sum, y);
    return SIGMOE_OK;
}

// The gradients of the half scores, from those of the sums.
typedef struct half_work {
    const finding *f;
    int64_t n, knn;
    matrix dscores;     // [T, h * knn]
    matrix left, right; // [T, h * n]
} half_work;

static void half_gradient_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const half_work *work = context;
    const finding *f = work->f;
    for (int64_t t = first; t < last; t++) {
        real *da = matrix_real(work->left) + t * work->left.stride;
        real *db = matrix_real(work->right) + t * work->right.stride;
        const real *dscore = matrix_real(work->dscores) + t * work->dscores.stride;
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
    return pkm_half_backward(step, half,
        &(pkm_half_gradients){.dscores = dscores,
            .keys = ff_operand(layer, step, half),
            .x = x,
            .dx = dx,
            .dkeys = ff_gradient(layer, half),
            .accumulate = true});
}

sigmoe_status pkm_search_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    const pkm_options *o = &layer->options.pkm;
    const kernel_context *kernel = &step->kernel;
    THREADS_PART(kernel->threads, "feedforward: backward");
    const finding *f = saved;
    int64_t values = o->n_subkeys * o->n_subkeys, found = o->n_heads * o->knn,
            keys = o->n_heads * o->n_subkeys;
    expert_grouping by_value;
    matrix wide;
    half_work work = {.f = f, .n = o->n_subkeys, .knn = o->knn};
    weighted_rows_call sum = values_found(layer, step, f);
    TRY(matrix_as(kernel, dy, TYPE_REAL, &wide));
    TRY(group_tokens(kernel->scratch, f->value, x.rows, found, values, &by_value));
    weighted_rows_gradient(
        kernel, &sum, &(row_pairs){by_value.offset, by_value.pair}, wide, ff_gradient(layer, VALUES));

    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, found, &work.dscores));
    weighted_rows_weight_gradient(kernel, &sum, wide, matrix_real(work.dscores));
    if (o->activation == PKM_RELU)
        relu_backward(kernel, f->weight, work.dscores, 1);
    else
        softmax_rows_backward(kernel, f->weight, work.dscores);

    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, keys, &work.left));
    TRY(matrix_new(kernel->scratch, TYPE_REAL, x.rows, keys, &work.right));
    for_row_blocks(kernel->threads, x.rows, half_gradient_rows, &work);
    TRY(half_backward(layer, step, SUBKEYS_LEFT, work.left, x, dx));
    return half_backward(layer, step, SUBKEYS_RIGHT, work.right, x, dx);
}
