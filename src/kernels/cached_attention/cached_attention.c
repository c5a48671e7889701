#include "kernels/cached_attention/cached_attention.h"

#include "kernels/dense_gemm/few_rows.h"

#include <assert.h>
#include <string.h>

extern const cached_attention_kernel cached_attention_avx512, cached_attention_avx2, cached_attention_ref;
extern const cached_attention_kernel cached_attention_bf16_avx512, cached_attention_bf16_avx2,
    cached_attention_bf16_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/cached_attention/cached_attention.inc"
};
const kernel_list cached_attention_list = {"cached_attention", all, sizeof all / sizeof *all};

static const kernel_identity *const all_bf16[] = {
#include "kernels/register.h"
#include "kernels/cached_attention/cached_attention_bf16.inc"
};
const kernel_list cached_attention_bf16_list = {
    "cached_attention_bf16", all_bf16, sizeof all_bf16 / sizeof *all_bf16};

typedef struct attention_work {
    const cached_attention_call *call;
    const cached_attention_kernel *kernel;
    real *scratch; // [threads, scratch_size]
    int64_t scratch_size;
    int64_t groups;               // of heads: a thread reads long pieces of the weights
    matrix k, v;                  // of the projections
    few_rows_product products[3]; // q, k and v
} attention_work;

static void *row_at(const cached_attention_call *call, const void *rings, int64_t head, int64_t row) {
    size_t element = (size_t)((head * call->capacity + row) * call->head_width);
    return (char *)rings + element * dtype_size(call->type);
}

static void *head_at(const cached_attention_call *call, matrix m, int64_t text, int64_t head) {
    return matrix_part(m, text, 1, head * call->head_width, call->head_width).data;
}

static void run_head(const attention_work *work, int64_t text, int64_t head, int thread) {
    const cached_attention_call *call = work->call;
    const cached_rows *rows = &call->rows[text];
    int64_t start = rows->first % call->capacity, column = head * call->head_width;
    cached_head h = {.width = call->head_width,
        .q = head_at(call, call->q, text, head),
        .content_bias = call->content_bias + column,
        .position_bias = call->position_bias + column,
        .scale = call->scale,
        .out = head_at(call, call->out, text, head)};
    h.count[0] = least(rows->count, call->capacity - start);
    h.count[1] = rows->count - h.count[0];
    for (int piece = 0; piece < 2; piece++) {
        int64_t row = piece ? 0 : start, distance = rows->count - 1 - (piece ? h.count[0] : 0);
        if (h.count[piece] == 0) continue;
        h.k[piece] = row_at(call, rows->k, head, row);
        h.v[piece] = row_at(call, rows->v, head, row);
        h.r[piece] = row_at(call, call->positions, head, call->capacity - 1 - distance);
    }
    work->kernel->head(&h, work->scratch + thread * work->scratch_size);
}

static void run_task(void *context, int64_t task, int thread) {
    const attention_work *work = context;
    run_head(work, task / work->call->heads, task % work->call->heads, thread);
}

static void store_head(const attention_work *work, int64_t text, int64_t head) {
    const cached_attention_call *call = work->call;
    const cached_rows *rows = &call->rows[text];
    size_t bytes = (size_t)call->head_width * dtype_size(call->type);
    int64_t own = (rows->first + rows->count - 1) % call->capacity;
    memcpy(row_at(call, rows->k, head, own), head_at(call, work->k, text, head), bytes);
    memcpy(row_at(call, rows->v, head, own), head_at(call, work->v, text, head), bytes);
}

// A group of heads of all texts, from their projections on.
static void run_projected(void *context, int64_t group, int thread) {
    const attention_work *work = context;
    const cached_attention_call *call = work->call;
    int64_t first = group * call->heads / work->groups, last = (group + 1) * call->heads / work->groups;
    for (int i = 0; i < 3; i++)
        few_rows_columns(&work->products[i], first * call->head_width, last * call->head_width);
    for (int64_t text = 0; text < call->texts; text++)
        for (int64_t head = first; head < last; head++) {
            store_head(work, text, head);
            run_head(work, text, head, thread);
        }
}

static sigmoe_status prepare(
    const kernel_context *context, const cached_attention_call *call, attention_work *work) {
    const kernel_list *list = call->type == TYPE_BF16 ? &cached_attention_bf16_list : &cached_attention_list;
    assert(call->q.type == call->type && call->out.type == call->type);
    *work = (attention_work){.call = call,
        .kernel = (const cached_attention_kernel *)kernel_choose(list->all, list->count),
        // Whole cache lines for each thread.
        .scratch_size = round_up(call->capacity + 2 * call->head_width, 64)};
    return ARENA_NEW_RAW(
        context->scratch, work->scratch, threads_count(context->threads) * work->scratch_size);
}

sigmoe_status cached_attention(const kernel_context *context, const cached_attention_call *call) {
    attention_work work;
    arena_mark mark = arena_here(context->scratch);
    TRY(prepare(context, call, &work));
    parallel_for(context->threads, call->texts * call->heads, run_task, &work);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}

static sigmoe_status run_all_projected(const kernel_context *context, const cached_attention_call *call,
    const cached_projections *p, attention_work *work) {
    const matrix weights[] = {p->w_q, p->w_k, p->w_v}, results[] = {call->q, p->k, p->v};
    TRY(prepare(context, call, work));
    work->k = p->k;
    work->v = p->v;
    for (int i = 0; i < 3; i++) {
        gemm_call product = {.transpose_b = true, .a = p->x, .b = weights[i], .c = results[i]};
        if (i == 0)
            TRY(few_rows_begin(context, &product, &work->products[0]));
        else
            work->products[i] = few_rows_sharing(&work->products[0], &product);
    }
    work->groups = least(call->heads, threads_count(context->threads));
    parallel_for(context->threads, work->groups, run_projected, work);
    return SIGMOE_OK;
}

sigmoe_status cached_attention_projected(
    const kernel_context *context, const cached_attention_call *call, const cached_projections *projections) {
    assert(call->texts <= FEW_ROWS && projections->x.rows == call->texts);
    attention_work work;
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run_all_projected(context, call, projections, &work);
    arena_release(context->scratch, mark);
    return status;
}
