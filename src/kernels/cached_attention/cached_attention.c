#include "kernels/cached_attention/cached_attention.h"

#include <assert.h>

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
} attention_work;

static const void *row_at(const cached_attention_call *call, const void *rings, int64_t head, int64_t row) {
    size_t element = (size_t)((head * call->capacity + row) * call->head_width);
    return (const char *)rings + element * dtype_size(call->type);
}

static void run_head(void *context, int64_t task, int thread) {
    const attention_work *work = context;
    const cached_attention_call *call = work->call;
    int64_t text = task / call->heads, head = task % call->heads, column = head * call->head_width;
    const cached_rows *rows = &call->rows[text];
    int64_t start = rows->first % call->capacity;
    cached_head h = {.width = call->head_width,
        .q = matrix_part(call->q, text, 1, column, call->head_width).data,
        .content_bias = call->content_bias + column,
        .position_bias = call->position_bias + column,
        .scale = call->scale,
        .out = matrix_part(call->out, text, 1, column, call->head_width).data};
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

sigmoe_status cached_attention(const kernel_context *context, const cached_attention_call *call) {
    assert(call->q.type == call->type && call->out.type == call->type);
    const kernel_list *list = call->type == TYPE_BF16 ? &cached_attention_bf16_list : &cached_attention_list;
    attention_work work = {.call = call,
        .kernel = (const cached_attention_kernel *)kernel_choose(list->all, list->count),
        // Whole cache lines for each thread.
        .scratch_size = round_up(call->capacity + 2 * call->head_width, 64)};
    arena_mark mark = arena_here(context->scratch);
    TRY(ARENA_NEW_RAW(context->scratch, work.scratch, threads_count(context->threads) * work.scratch_size));
    parallel_for(context->threads, call->texts * call->heads, run_head, &work);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
