#include "kernels/dense_gemm/few_rows.h"

#include "kernels/pointwise/pointwise.h"

#include <string.h>

#if REAL_IS_FLOAT
extern const few_rows_kernel few_rows_avx512, few_rows_avx2;
extern const few_rows_kernel few_rows_bf16_avx512bf16, few_rows_bf16_avx512, few_rows_bf16_avx2;
#endif
extern const few_rows_kernel few_rows_ref, few_rows_bf16_ref;

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

static const kernel_list *list_for(const gemm_call *call) {
    return call->b.type == TYPE_BF16 ? &dense_gemm_few_bf16_list : &dense_gemm_few_list;
}

bool few_rows_serve(const gemm_call *call) {
    const kernel_list *list = list_for(call);
    return call->c.rows <= FEW_ROWS && !call->transpose_a && kernel_obeys(list->all, list->count);
}

sigmoe_status few_rows_begin(const kernel_context *context, const gemm_call *call, few_rows_product *out) {
    const kernel_list *list = list_for(call);
    const few_rows_kernel *kernel = (const few_rows_kernel *)kernel_choose(list->all, list->count);
    matrix padded;
    TRY(matrix_new(context->scratch, call->transpose_b ? kernel->inputs : TYPE_REAL, call->a.rows,
        call->a.cols + 2 * FEW_ROWS_PADDING, &padded));
    memset(padded.data, 0, (size_t)(padded.rows * padded.cols) * dtype_size(padded.type));
    *out = (few_rows_product){
        *call, matrix_part(padded, 0, padded.rows, FEW_ROWS_PADDING, call->a.cols), kernel};
    copy_into(context, out->a, call->a);
    return SIGMOE_OK;
}

void few_rows_columns(const few_rows_product *p, int64_t first, int64_t last) {
    p->kernel->columns(p, first, last);
}

// Columns of a task: weights of about TASK_BYTES, and of the last ones less, so that all threads end at the same time. Where b is
// not transposed, they are whole cache lines in each of its rows.
enum { TASK_BYTES = 1 << 16, LAST_PART = 8, LEAST_COLUMNS = 4, LINE_COLUMNS = 64 };

typedef struct column_tasks {
    int64_t large, small; // columns of a task
    int64_t large_count;  // of tasks, which come first
    int64_t count;
} column_tasks;

static column_tasks cut_columns(const gemm_call *call) {
    int64_t bytes = most(call->a.cols, 1) * (int64_t)dtype_size(call->b.type), n = call->c.cols;
    int64_t step = call->transpose_b ? LEAST_COLUMNS : LINE_COLUMNS;
    column_tasks t = {.large = round_up(most(TASK_BYTES / bytes, 1), step),
        .small = round_up(most(TASK_BYTES / 4 / bytes, 1), step)};
    t.large_count = (n - n / LAST_PART) / t.large;
    t.count = t.large_count + block_count(n - t.large_count * t.large, t.small);
    return t;
}

typedef struct few_work {
    few_rows_product *products;
    column_tasks *tasks; // of each product
    int count;
} few_work;

static void run_task(void *context, int64_t task, int thread) {
    (void)thread;
    const few_work *work = context;
    const few_rows_product *p = work->products;
    const column_tasks *t = work->tasks;
    for (; task >= t->count; p++, t++) task -= t->count;
    bool large = task < t->large_count;
    int64_t first = large ? task * t->large : t->large_count * t->large + (task - t->large_count) * t->small;
    few_rows_columns(p, first, least(first + (large ? t->large : t->small), p->call.c.cols));
}

static sigmoe_status run(const kernel_context *context, few_work *work, const gemm_call *calls) {
    int64_t tasks = 0;
    TRY(ARENA_NEW_RAW(context->scratch, work->products, work->count));
    TRY(ARENA_NEW_RAW(context->scratch, work->tasks, work->count));
    for (int i = 0; i < work->count; i++) {
        TRY(few_rows_begin(context, &calls[i], &work->products[i]));
        work->tasks[i] = cut_columns(&calls[i]);
        tasks += work->tasks[i].count;
    }
    parallel_for(context->threads, tasks, run_task, work);
    return SIGMOE_OK;
}

sigmoe_status few_rows_gemm(const kernel_context *context, const gemm_call *calls, int count) {
    few_work work = {.count = count};
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run(context, &work, calls);
    arena_release(context->scratch, mark);
    return status;
}
