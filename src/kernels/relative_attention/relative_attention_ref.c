// The scalar reference: row by row, with the formulas of the header.
#include "kernels/relative_attention/relative_attention.h"

#include <string.h>

// One head of one sequence; `stride` is the distance of rows in each matrix.
typedef struct head_view {
    const attention_call *call;
    int64_t sequence, head;
    const real *content_bias, *position_bias; // [d_h]
} head_view;

static head_view view_head(const attention_call *call, int64_t sequence, int64_t head) {
    int64_t first = head * call->head_width;
    return (head_view){call, sequence, head, call->content_bias + first, call->position_bias + first};
}

// Row `row` of sequence `sequence` (each has `rows` rows), at this head.
static real *row_of(matrix m, int64_t sequence, int64_t rows, int64_t row, const head_view *view) {
    return matrix_real(m) + (sequence * rows + row) * m.stride + view->head * view->call->head_width;
}

static real *query_row(matrix m, const head_view *view, int64_t i) {
    return row_of(m, view->sequence, view->call->queries, i, view);
}

static real *key_row(matrix m, const head_view *view, int64_t j) {
    return row_of(m, view->sequence, view->call->memory + view->call->queries, j, view);
}

// The row of `positions` for query i and key j: distance j - (M + i), plus the offset M + Q - 1.
static real *position_row(matrix m, const head_view *view, int64_t i, int64_t j) {
    return row_of(m, 0, 0, j - i + view->call->queries - 1, view);
}

static int64_t visible_keys(const head_view *view, int64_t i) {
    return view->call->memory + i + 1;
}

static double dot(const real *a, const real *b, int64_t n) {
    double sum = 0;
    for (int64_t c = 0; c < n; c++) sum += (double)a[c] * (double)b[c];
    return sum;
}

static void add_scaled(real *y, real factor, const real *x, int64_t n) {
    for (int64_t c = 0; c < n; c++) y[c] += factor * x[c];
}

// (q_i + bias) · row
static double biased_dot(const real *q, const real *bias, const real *row, int64_t n) {
    double sum = 0;
    for (int64_t c = 0; c < n; c++) sum += ((double)q[c] + (double)bias[c]) * (double)row[c];
    return sum;
}

// The scores of query i before the scale, one per visible key.
static void raw_scores(const head_view *view, int64_t i, double *raw) {
    const attention_call *call = view->call;
    const real *q = query_row(call->q, view, i);
    for (int64_t j = 0; j < visible_keys(view, i); j++) {
        const real *k = key_row(call->k, view, j), *r = position_row(call->positions, view, i, j);
        raw[j] = biased_dot(q, view->content_bias, k, call->head_width) +
                 biased_dot(q, view->position_bias, r, call->head_width);
    }
}

static double logsumexp_of(const double *raw, double scale, int64_t n) {
    double largest = scale * raw[0], sum = 0;
    for (int64_t j = 1; j < n; j++) largest = fmax(largest, scale * raw[j]);
    for (int64_t j = 0; j < n; j++) sum += exp(scale * raw[j] - largest);
    return largest + log(sum);
}

static void forward_row(const head_view *view, int64_t i, double *raw) {
    const attention_call *call = view->call;
    int64_t keys = visible_keys(view, i);
    double scale = (double)call->scale;
    raw_scores(view, i, raw);
    double logsumexp = logsumexp_of(raw, scale, keys);
    real *out = query_row(call->out, view, i);
    memset(out, 0, (size_t)call->head_width * sizeof *out);
    for (int64_t j = 0; j < keys; j++)
        add_scaled(out, (real)exp(scale * raw[j] - logsumexp), key_row(call->v, view, j), call->head_width);
    call->logsumexp[(view->sequence * call->heads + view->head) * call->queries + i] = (real)logsumexp;
}

typedef struct forward_work {
    const attention_call *call;
    double *scratch; // [threads, M + Q]
} forward_work;

static void forward_head(void *context, int64_t task, int thread) {
    const forward_work *work = context;
    const attention_call *call = work->call;
    head_view view = view_head(call, task / call->heads, task % call->heads);
    double *raw = work->scratch + thread * (call->memory + call->queries);
    for (int64_t i = 0; i < call->queries; i++) forward_row(&view, i, raw);
}

static sigmoe_status forward(const kernel_context *context, const attention_call *call) {
    arena_mark mark = arena_here(context->scratch);
    forward_work work = {call, NULL};
    TRY(ARENA_NEW_RAW(
        context->scratch, work.scratch, threads_count(context->threads) * (call->memory + call->queries)));
    parallel_for(context->threads, call->batch * call->heads, forward_head, &work);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}

typedef struct backward_work {
    const attention_call *call;
    const attention_gradients *gradients;
    double *scratch; // [threads, M + Q]
    double *dscale;  // [H]
} backward_work;

// Computes the gradients of query i's scores and propagates them to everything that the scores depend on.
static void backward_row(const backward_work *work, const head_view *view, int64_t i, double *raw) {
    const attention_call *call = view->call;
    const attention_gradients *gradients = work->gradients;
    int64_t width = call->head_width, first = view->head * width;
    const real *q = query_row(call->q, view, i), *dout = query_row(gradients->dout, view, i);
    real *dq = query_row(gradients->dq, view, i);
    real *du = gradients->dcontent_bias + first, *dv_bias = gradients->dposition_bias + first;
    double scale = (double)call->scale;
    double logsumexp =
        (double)call->logsumexp[(view->sequence * call->heads + view->head) * call->queries + i];
    double mean = dot(dout, query_row(call->out, view, i), width); // Σ_j p_j · dp_j

    raw_scores(view, i, raw);
    for (int64_t j = 0; j < visible_keys(view, i); j++) {
        const real *k = key_row(call->k, view, j), *r = position_row(call->positions, view, i, j);
        real *dk = key_row(gradients->dk, view, j), *dr = position_row(gradients->dpositions, view, i, j);
        double p = exp(scale * raw[j] - logsumexp);
        double dscore = p * (dot(dout, key_row(call->v, view, j), width) - mean);
        real factor = (real)(scale * dscore);
        work->dscale[view->head] += dscore * raw[j];
        add_scaled(key_row(gradients->dv, view, j), (real)p, dout, width);
        add_scaled(dk, factor, q, width);
        add_scaled(dk, factor, view->content_bias, width);
        add_scaled(dr, factor, q, width);
        add_scaled(dr, factor, view->position_bias, width);
        add_scaled(dq, factor, k, width);
        add_scaled(dq, factor, r, width);
        add_scaled(du, factor, k, width);
        add_scaled(dv_bias, factor, r, width);
    }
}

static void clear_rows(real *first, int64_t rows, int64_t stride, int64_t width) {
    for (int64_t i = 0; i < rows; i++) memset(first + i * stride, 0, (size_t)width * sizeof *first);
}

// All sequences of one head, in order: sums over the batch belong to a single head.
static void backward_head(void *context, int64_t head, int thread) {
    const backward_work *work = context;
    const attention_call *call = work->call;
    const attention_gradients *gradients = work->gradients;
    int64_t queries = call->queries, keys = call->memory + queries, width = call->head_width;
    double *raw = work->scratch + thread * keys;
    clear_rows(matrix_real(gradients->dpositions) + head * width, keys, gradients->dpositions.stride, width);
    for (int64_t sequence = 0; sequence < call->batch; sequence++) {
        head_view view = view_head(call, sequence, head);
        clear_rows(query_row(gradients->dq, &view, 0), queries, gradients->dq.stride, width);
        clear_rows(key_row(gradients->dk, &view, 0), keys, gradients->dk.stride, width);
        clear_rows(key_row(gradients->dv, &view, 0), keys, gradients->dv.stride, width);
        for (int64_t i = 0; i < queries; i++) backward_row(work, &view, i, raw);
    }
}

static sigmoe_status prepare_backward(arena *scratch, int thread_count, backward_work *work) {
    const attention_call *call = work->call;
    TRY(ARENA_NEW_RAW(scratch, work->scratch, thread_count * (call->memory + call->queries)));
    return ARENA_NEW(scratch, work->dscale, call->heads);
}

static sigmoe_status backward(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients) {
    arena_mark mark = arena_here(context->scratch);
    backward_work work = {call, gradients, NULL, NULL};
    sigmoe_status status = prepare_backward(context->scratch, threads_count(context->threads), &work);
    if (status == SIGMOE_OK) {
        parallel_for(context->threads, call->heads, backward_head, &work);
        double dscale = 0;
        for (int64_t head = 0; head < call->heads; head++) dscale += work.dscale[head];
        *gradients->dscale += (real)dscale;
    }
    arena_release(context->scratch, mark);
    return status;
}

const relative_attention_kernel relative_attention_ref = {{"ref", CPU_SCALAR}, forward, backward};
