#include "kernels/dense_gemm/few_rows.h"

#include "kernels/pointwise/pointwise.h"

#if REAL_IS_FLOAT
extern const few_rows_kernel few_rows_avx512, few_rows_avx2, few_rows_bf16_avx512, few_rows_bf16_avx2;
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

// Columns of a task: weights of about TASK_BYTES. Where b is not transposed, they are whole cache lines in each of its rows.
enum { TASK_BYTES = 1 << 16, LEAST_COLUMNS = 4, LINE_COLUMNS = 64 };

static int64_t columns_of_task(const gemm_call *call) {
    int64_t bytes = most(call->a.cols, 1) * (int64_t)dtype_size(call->b.type);
    int64_t step = call->transpose_b ? LEAST_COLUMNS : LINE_COLUMNS;
    return round_up(most(TASK_BYTES / bytes, 1), step);
}

typedef struct few_work {
    const gemm_call *calls;
    const few_rows_kernel *kernel;
    matrix *a;      // of each call, as TYPE_REAL
    int64_t *first; // [count + 1]: number of each call's first task
} few_work;

static void run_task(void *context, int64_t task, int thread) {
    (void)thread;
    const few_work *work = context;
    int i = 0;
    while (task >= work->first[i + 1]) i++;
    const gemm_call *call = &work->calls[i];
    int64_t columns = columns_of_task(call), first = (task - work->first[i]) * columns;
    work->kernel->columns(call, work->a[i], first, least(first + columns, call->c.cols));
}

// Calls in a row often have the same a.
static sigmoe_status widen_operands(const kernel_context *context, few_work *work, int count) {
    for (int i = 0; i < count; i++) {
        const gemm_call *call = &work->calls[i];
        if (i > 0 && call->a.data == call[-1].a.data && call->a.cols == call[-1].a.cols)
            work->a[i] = work->a[i - 1];
        else
            TRY(matrix_as(context, call->a, TYPE_REAL, &work->a[i]));
    }
    return SIGMOE_OK;
}

static sigmoe_status run(const kernel_context *context, few_work *work, int count) {
    const kernel_list *list = list_for(work->calls);
    work->kernel = (const few_rows_kernel *)kernel_choose(list->all, list->count);
    TRY(ARENA_NEW_RAW(context->scratch, work->a, count));
    TRY(ARENA_NEW_RAW(context->scratch, work->first, count + 1));
    TRY(widen_operands(context, work, count));
    work->first[0] = 0;
    for (int i = 0; i < count; i++)
        work->first[i + 1] =
            work->first[i] + block_count(work->calls[i].c.cols, columns_of_task(&work->calls[i]));
    parallel_for(context->threads, work->first[count], run_task, work);
    return SIGMOE_OK;
}

sigmoe_status few_rows_gemm(const kernel_context *context, const gemm_call *calls, int count) {
    few_work work = {.calls = calls};
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run(context, &work, count);
    arena_release(context->scratch, mark);
    return status;
}
