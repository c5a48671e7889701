#include "kernels/product_key/product_key.h"

#include <assert.h>

extern const product_key_kernel product_key_staircase, product_key_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/product_key/product_key.inc"
};
const kernel_list product_key_list = {"product_key", all, sizeof all / sizeof *all};

enum { BLOCK_ROWS = 16 };

typedef struct search {
    const product_key_kernel *kernel;
    matrix a, b;
    int64_t count;
    real *scores;
    int32_t *indices;
    int32_t *scratch; // [threads, product_key_scratch(count)]
} search;

static void search_block(void *context, int64_t task, int thread) {
    const search *s = context;
    int64_t end = (task + 1) * BLOCK_ROWS < s->a.rows ? (task + 1) * BLOCK_ROWS : s->a.rows;
    for (int64_t r = task * BLOCK_ROWS; r < end; r++)
        s->kernel->row(matrix_real(s->a) + r * s->a.stride, matrix_real(s->b) + r * s->b.stride, s->a.cols,
            s->count, s->scratch + thread * product_key_scratch(s->count), s->scores + r * s->count,
            s->indices + r * s->count);
}

sigmoe_status product_key_search(
    const kernel_context *context, matrix a, matrix b, int64_t count, real *scores, int32_t *indices) {
    assert(a.rows == b.rows && a.cols == b.cols && count >= 1 && count < a.cols);
    int64_t values;
    if (!size_product(&values, a.cols, a.cols) || values > INT32_MAX)
        return fail(
            SIGMOE_BAD_ARGUMENT, "%lld sub-keys a half: their square must fit 31 bits", (long long)a.cols);
    search s = {
        .kernel = (const product_key_kernel *)kernel_choose(product_key_list.all, product_key_list.count),
        .a = a,
        .b = b,
        .count = count,
        .scores = scores,
        .indices = indices};
    arena_mark mark = arena_here(context->scratch);
    TRY(ARENA_NEW_RAW(
        context->scratch, s.scratch, product_key_scratch(count) * threads_count(context->threads)));
    parallel_for(context->threads, divide_up(a.rows, BLOCK_ROWS), search_block, &s);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
