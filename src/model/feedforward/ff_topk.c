// Top-K: every channel is computed, and each token's K largest are summed. Channels equal to the K-th are all kept.
#include "kernels/pointwise/pointwise.h"
#include "kernels/top_k/top_k.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward/two_layers.h"

#include <inttypes.h>

static const option options[] = {
    {.name = "d_ff",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, topk.d_ff),
        .required = true,
        .low = 1,
        .high = 1 << 24,
        .help = "inner width"},
    {.name = "k",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, topk.k),
        .required = true,
        .low = 1,
        .high = 1 << 24,
        .help = "channels kept of each token"},
    {.name = "norm_compensation",
        .type = OPTION_FLAG,
        .offset = offsetof(ff_options, topk.norm_compensation),
        .usual = false,
        .help = "rank channels by value times the norm of their output weights"},
};

static sigmoe_status check(const ff_options *values, const ff_surroundings *around) {
    (void)around;
    TRY(option_check(ff_variant_topk.options, "ff.", values));
    if (values->topk.k > values->topk.d_ff)
        return fail(SIGMOE_BAD_ARGUMENT,
            "ff.k is %" PRId64 ", but ff.d_ff is %" PRId64 ": choose at most so many", values->topk.k,
            values->topk.d_ff);
    return SIGMOE_OK;
}

static sigmoe_status declare(
    const ff_options *values, const ff_surroundings *around, int layer, parameter_list *list) {
    return two_layers_declare(values->topk.d_ff, around, layer, values->topk.norm_compensation, list);
}

// Channels are ranked by u, multiplied by `norm` if there is one.
typedef struct selection {
    matrix u;
    const real *norm; // [d_ff] or NULL
    matrix ranking;   // [T, d_ff]: u itself without norm
    const real *threshold;
} selection;

static void rank_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const selection *s = context;
    for (int64_t t = first; t < last; t++) {
        const real *u = matrix_real(s->u) + t * s->u.stride;
        real *ranking = matrix_real(s->ranking) + t * s->ranking.stride;
        for (int64_t i = 0; i < s->u.cols; i++) ranking[i] = u[i] * s->norm[i];
    }
}

// The comparison lets a NaN stay, so that it shows in the loss.
static void zero_rows_below(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const selection *s = context;
    for (int64_t t = first; t < last; t++) {
        const real *ranking = matrix_real(s->ranking) + t * s->ranking.stride;
        real *u = matrix_real(s->u) + t * s->u.stride;
        for (int64_t i = 0; i < s->u.cols; i++) u[i] = ranking[i] < s->threshold[t] ? 0 : u[i];
    }
}

typedef struct norm_work {
    const parameter *down; // W2 [d, d_ff]
    real *norm;            // [d_ff]
} norm_work;

static void column_norms(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const norm_work *work = context;
    int64_t d = work->down->shape[0], d_ff = work->down->shape[1];
    for (int64_t i = first; i < last; i++) work->norm[i] = 0;
    for (int64_t row = 0; row < d; row++) {
        const real *weight = work->down->value + row * d_ff;
        for (int64_t i = first; i < last; i++) work->norm[i] += weight[i] * weight[i];
    }
    for (int64_t i = first; i < last; i++) work->norm[i] = real_sqrt(work->norm[i]);
}

static sigmoe_status keep_largest(const ff_layer *layer, step_context *step, matrix u) {
    const topk_options *o = &layer->options.topk;
    const kernel_context *kernel = &step->kernel;
    if (o->k == o->d_ff) return SIGMOE_OK;
    THREADS_PART(kernel->threads, "feedforward: selection");
    selection s = {.u = u, .ranking = u};
    if (o->norm_compensation) {
        norm_work work = {.down = ff_tensor(layer, DOWN_WEIGHT)};
        TRY(ARENA_NEW_RAW(kernel->scratch, work.norm, o->d_ff));
        for_row_blocks(kernel->threads, o->d_ff, column_norms, &work);
        s.norm = work.norm;
        TRY(matrix_new(kernel->scratch, TYPE_REAL, u.rows, u.cols, &s.ranking));
        for_row_blocks(kernel->threads, u.rows, rank_rows, &s);
    }
    real *threshold;
    TRY(ARENA_NEW_RAW(kernel->scratch, threshold, u.rows));
    TRY(kth_largest_rows(kernel, s.ranking, o->k, threshold));
    s.threshold = threshold;
    for_row_blocks(kernel->threads, u.rows, zero_rows_below, &s);
    return SIGMOE_OK;
}

// Whether so few channels are kept that multiplying them alone is faster than multiplying all of them as blocks. The shares are
// docs/decisions' figures; in bf16, where dense products are twice as fast and more, it takes fewer. Only in training, where a
// batch is large: it does not depend on how many tokens there are.
static bool is_sparse(const ff_layer *layer, const step_context *step) {
    const topk_options *o = &layer->options.topk;
    return step->training && o->k * (step->operands == TYPE_REAL ? 3 : 12) <= o->d_ff;
}

static sigmoe_status forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    arena_mark mark = arena_here(step->kernel.scratch);
    arena *home = ff_home(step);
    sigmoe_status status;
    matrix *u;
    TRY_OR(done, ARENA_NEW(home, u, 1));
    TRY_OR(done, matrix_new(home, step->operands, x.rows, layer->options.topk.d_ff, u));
    // Channels are ranked by their unrounded values: rounding makes many of them equal.
    matrix exact = *u;
    if (u->type != TYPE_REAL)
        TRY_OR(done, matrix_new(step->kernel.scratch, TYPE_REAL, u->rows, u->cols, &exact));
    TRY_OR(done, two_layers_up(layer, step, x, exact));
    TRY_OR(done, keep_largest(layer, step, exact));
    observe_channels(layer, step, exact);
    if (u->type != TYPE_REAL) copy_into(&step->kernel, *u, exact);
    TRY_OR(done, two_layers_down(layer, step, is_sparse(layer, step), *u, y));
    *saved = step->keep ? u : NULL;
done:
    arena_release(step->kernel.scratch, mark);
    return status;
}

// The gradient flows through the kept channels only, and not through the ranking.
static sigmoe_status backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    return two_layers_backward(layer, step, is_sparse(layer, step), *(matrix *)saved, x, dy, dx);
}

static double multiply_adds(const ff_options *values, const ff_surroundings *around) {
    return (double)around->d_model * ((double)values->topk.d_ff + (double)values->topk.k);
}

static double executed_multiply_adds(const ff_options *values, const ff_surroundings *around) {
    return 2.0 * (double)around->d_model * (double)values->topk.d_ff;
}

static double saved_bytes(const ff_options *values, const ff_surroundings *around, dtype operands) {
    (void)around;
    return (double)dtype_size(operands) * (double)values->topk.d_ff;
}

static int64_t channels(const ff_options *values) {
    return values->topk.d_ff;
}

const ff_variant ff_variant_topk = {
    .name = "topk",
    .help = "dense, but only the k largest channels of each token are summed",
    .options = {options, sizeof options / sizeof *options},
    .check = check,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .multiply_adds = multiply_adds,
    .executed_multiply_adds = executed_multiply_adds,
    .saved_bytes = saved_bytes,
    .channels = channels,
};
