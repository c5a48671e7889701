#include "kernels/weighted_rows/weighted_rows.h"

#include <assert.h>
#include <string.h>

#if REAL_IS_FLOAT
extern const weighted_rows_kernel weighted_rows_avx512, weighted_rows_avx2;
extern const weighted_rows_kernel weighted_rows_bf16_avx512, weighted_rows_bf16_avx2;
extern const weighted_rows_kernel weighted_rows_i8_avx512, weighted_rows_i8_avx2;
#endif
extern const weighted_rows_kernel weighted_rows_ref, weighted_rows_bf16_ref, weighted_rows_i8_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/weighted_rows/weighted_rows.inc"
};
const kernel_list weighted_rows_list = {"weighted_rows", all, sizeof all / sizeof *all};

static const kernel_identity *const all_bf16[] = {
#include "kernels/register.h"
#include "kernels/weighted_rows/weighted_rows_bf16.inc"
};
const kernel_list weighted_rows_bf16_list = {
    "weighted_rows_bf16", all_bf16, sizeof all_bf16 / sizeof *all_bf16};

static const kernel_identity *const all_i8[] = {
#include "kernels/register.h"
#include "kernels/weighted_rows/weighted_rows_i8.inc"
};
const kernel_list weighted_rows_i8_list = {"weighted_rows_i8", all_i8, sizeof all_i8 / sizeof *all_i8};

// Rows of the result per task, and terms of a sum that are collected before the kernel adds them.
enum { BLOCK_ROWS = 16, MOST_TERMS = 512 };

typedef struct work {
    const weighted_rows_kernel *kernel; // for the rows that are summed or multiplied
    const weighted_rows_call *call;
    const row_pairs *pairs;
    size_t row_bytes; // of call->rows
    matrix y;         // or dy
    matrix drows;
    real *dweight;
} work;

// Terms of a sum that are yet to be added.
typedef struct terms {
    const void *row[MOST_TERMS];
    real weight[MOST_TERMS];
    int64_t count;
} terms;

static const void *chosen_row(const work *w, int32_t row) {
    return (const char *)w->call->rows.data + (size_t)row * w->row_bytes;
}

// A number of TYPE_I8 stands for its row's scale times itself.
static real weight_of_row(const weighted_rows_call *call, int64_t at) {
    return call->rows.type == TYPE_I8 ? call->weight[at] * (real)call->rows.scale[call->index[at]]
                                      : call->weight[at];
}

static void add_terms(const work *w, real *sum, terms *t) {
    w->kernel->add(sum, w->call->rows.cols, t->row, t->weight, t->count);
    t->count = 0;
}

static void collect(const work *w, real *sum, terms *t, const void *row, real weight) {
    if (weight == 0) return; // many are, with ReLU
    if (t->count == MOST_TERMS) add_terms(w, sum, t);
    t->row[t->count] = row;
    t->weight[t->count++] = weight;
}

static void sum_token(const work *w, int64_t token) {
    const weighted_rows_call *call = w->call;
    real *y = matrix_real(w->y) + token * w->y.stride;
    terms t;
    t.count = 0;
    memset(y, 0, (size_t)w->y.cols * sizeof *y);
    for (int64_t at = token * call->slots; at < (token + 1) * call->slots; at++)
        collect(w, y, &t, chosen_row(w, call->index[at]), weight_of_row(call, at));
    add_terms(w, y, &t);
}

static void weigh_token(const work *w, int64_t token) {
    const weighted_rows_call *call = w->call;
    const void *rows[MOST_TERMS];
    for (int64_t first = 0; first < call->slots; first += MOST_TERMS) {
        int64_t count = least(call->slots - first, MOST_TERMS), at = token * call->slots + first;
        for (int64_t i = 0; i < count; i++) rows[i] = chosen_row(w, call->index[at + i]);
        w->kernel->dot(w->dweight + at, matrix_row(w->y, token), w->y.cols, rows, count);
    }
}

static void sum_row_gradient(const work *w, int64_t row) {
    const weighted_rows_call *call = w->call;
    real *drow = matrix_real(w->drows) + row * w->drows.stride;
    terms t;
    t.count = 0;
    for (int64_t at = w->pairs->offset[row]; at < w->pairs->offset[row + 1]; at++) {
        int64_t pair = w->pairs->pair[at];
        collect(w, drow, &t, matrix_row(w->y, pair / call->slots), call->weight[pair]);
    }
    add_terms(w, drow, &t);
}

static void sum_block(void *context, int64_t task, int thread) {
    (void)thread;
    const work *w = context;
    int64_t end = least((task + 1) * BLOCK_ROWS, w->y.rows);
    for (int64_t token = task * BLOCK_ROWS; token < end; token++) sum_token(w, token);
}

static void weigh_block(void *context, int64_t task, int thread) {
    (void)thread;
    const work *w = context;
    int64_t end = least((task + 1) * BLOCK_ROWS, w->y.rows);
    for (int64_t token = task * BLOCK_ROWS; token < end; token++) weigh_token(w, token);
}

static void gradient_block(void *context, int64_t task, int thread) {
    (void)thread;
    const work *w = context;
    int64_t end = least((task + 1) * BLOCK_ROWS, w->drows.rows);
    for (int64_t row = task * BLOCK_ROWS; row < end; row++) sum_row_gradient(w, row);
}

static const weighted_rows_kernel *kernel_for(dtype rows) {
    const kernel_list *list = rows == TYPE_BF16 ? &weighted_rows_bf16_list
                              : rows == TYPE_I8 ? &weighted_rows_i8_list
                                                : &weighted_rows_list;
    return (const weighted_rows_kernel *)kernel_choose(list->all, list->count);
}

static work work_of(const weighted_rows_call *call, dtype rows, matrix y) {
    assert(y.cols == call->rows.cols);
    return (work){.kernel = kernel_for(rows),
        .call = call,
        .row_bytes = (size_t)call->rows.stride * dtype_size(call->rows.type),
        .y = y};
}

void weighted_rows_sum(const kernel_context *context, const weighted_rows_call *call, matrix y) {
    work w = work_of(call, call->rows.type, y);
    parallel_for(context->threads, divide_up(y.rows, BLOCK_ROWS), sum_block, &w);
}

void weighted_rows_weight_gradient(
    const kernel_context *context, const weighted_rows_call *call, matrix dy, real *dweight) {
    work w = work_of(call, call->rows.type, dy);
    assert(w.kernel->dot);
    w.dweight = dweight;
    parallel_for(context->threads, divide_up(dy.rows, BLOCK_ROWS), weigh_block, &w);
}

void weighted_rows_gradient(const kernel_context *context, const weighted_rows_call *call,
    const row_pairs *pairs, matrix dy, matrix drows) {
    assert(drows.rows == call->rows.rows && drows.cols == call->rows.cols);
    work w = work_of(call, dy.type, dy);
    w.pairs = pairs;
    w.drows = drows;
    parallel_for(context->threads, divide_up(drows.rows, BLOCK_ROWS), gradient_block, &w);
}
