#include "kernels/dense_gemm/few_rows.h"

#include "kernels/pointwise/pointwise.h"

#include <assert.h>
#include <string.h>

#if REAL_IS_FLOAT
extern const few_rows_kernel few_rows_avx512, few_rows_avx2;
extern const few_rows_kernel few_rows_bf16_avx512bf16, few_rows_bf16_avx512, few_rows_bf16_avx2;
extern const few_rows_kernel few_rows_i8_avx512, few_rows_i8_avx2;
#endif
extern const few_rows_kernel few_rows_ref, few_rows_bf16_ref, few_rows_i8_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/few_rows.inc"
};
const kernel_list dense_gemm_few_list = {"dense_gemm_few", all, sizeof all / sizeof *all};

static const kernel_identity *const all_bf16[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/few_rows_bf16.inc"
};
const kernel_list dense_gemm_few_bf16_list = {
    "dense_gemm_few_bf16", all_bf16, sizeof all_bf16 / sizeof *all_bf16};

static const kernel_identity *const all_i8[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/few_rows_i8.inc"
};
const kernel_list dense_gemm_few_i8_list = {"dense_gemm_few_i8", all_i8, sizeof all_i8 / sizeof *all_i8};

static const kernel_list *list_for(const gemm_call *call) {
    if (call->b.type == TYPE_I8) return &dense_gemm_few_i8_list;
    return call->b.type == TYPE_BF16 ? &dense_gemm_few_bf16_list : &dense_gemm_few_list;
}

bool few_rows_serve(const gemm_call *call) {
    const kernel_list *list = list_for(call);
    return call->c.rows <= FEW_ROWS && !call->transpose_a && kernel_obeys(list->all, list->count);
}

// Each term times its scale.
static void scale_terms(matrix a, const float *scale) {
    for (int64_t row = 0; row < a.rows; row++)
        for (int64_t k = 0; k < a.cols; k++) ((real *)matrix_row(a, row))[k] *= (real)scale[k];
}

sigmoe_status few_rows_begin(const kernel_context *context, const gemm_call *call, few_rows_product *out) {
    const kernel_list *list = list_for(call);
    const few_rows_kernel *kernel = (const few_rows_kernel *)kernel_choose(list->all, list->count);
    int64_t terms = call->a.cols;
    matrix padded;
    TRY(matrix_new(context->scratch, call->transpose_b ? kernel->inputs : TYPE_REAL, call->a.rows,
        terms + 2 * FEW_ROWS_PADDING, &padded));
    size_t padding = FEW_ROWS_PADDING * dtype_size(padded.type);
    for (int64_t row = 0; row < padded.rows; row++) {
        memset(matrix_row(padded, row), 0, padding);
        memset(matrix_part(padded, row, 1, FEW_ROWS_PADDING + terms, FEW_ROWS_PADDING).data, 0, padding);
    }
    *out = (few_rows_product){*call, matrix_part(padded, 0, padded.rows, FEW_ROWS_PADDING, terms), kernel};
    copy_into(context, out->a, call->a);
    if (call->b.type == TYPE_I8 && !call->transpose_b) scale_terms(out->a, call->b.scale);
    return SIGMOE_OK;
}

few_rows_product few_rows_sharing(const few_rows_product *p, const gemm_call *call) {
    assert(call->transpose_b && call->b.type == p->call.b.type);
    return (few_rows_product){*call, p->a, p->kernel};
}

void few_rows_columns(const few_rows_product *p, int64_t first, int64_t last) {
    p->kernel->columns(p, first, last);
}

// No sum depends on which task computes it, so that tasks may depend on the number of threads: each thread reads one long piece of
// the weights, for memory is slow to begin a new one, and those that are done first share the rest. Where b is not transposed,
// pieces are whole cache lines in each of its rows.
enum { LEAST_BYTES = 1 << 15, REST = 8, LEAST_COLUMNS = 4, LINE_COLUMNS = 64 };

typedef struct few_work {
    few_rows_product product;
    int64_t pieces;       // long ones, which come first, and as many short ones
    int64_t large, small; // columns
} few_work;

static int64_t cut_columns(few_work *work, int thread_count) {
    const gemm_call *call = &work->product.call;
    int64_t n = call->c.cols, bytes = most(call->a.cols, 1) * n * (int64_t)dtype_size(call->b.type);
    int64_t step = call->transpose_b ? LEAST_COLUMNS : LINE_COLUMNS;
    work->pieces = most(least(thread_count, bytes / LEAST_BYTES), 1);
    work->large = work->pieces == 1 ? n : round_up((n - n / REST) / work->pieces, step);
    int64_t rest = most(n - work->pieces * work->large, 0);
    work->small = round_up(most(divide_up(rest, work->pieces), 1), step);
    return work->pieces + divide_up(rest, work->small);
}

static void run_task(void *context, int64_t task, int thread) {
    (void)thread;
    const few_work *work = context;
    int64_t n = work->product.call.c.cols, large = least(task, work->pieces), small = task - large;
    int64_t first = large * work->large + small * work->small;
    int64_t columns = task < work->pieces ? work->large : work->small;
    if (first < n) few_rows_columns(&work->product, first, least(first + columns, n));
}

sigmoe_status few_rows_gemm(const kernel_context *context, const gemm_call *call) {
    few_work work;
    arena_mark mark = arena_here(context->scratch);
    TRY(few_rows_begin(context, call, &work.product));
    parallel_for(context->threads, cut_columns(&work, threads_count(context->threads)), run_task, &work);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
