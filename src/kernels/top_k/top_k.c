#include "kernels/top_k/top_k.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const top_k_kernel top_k_avx512, top_k_avx2;
#endif
extern const top_k_kernel top_k_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/top_k/top_k.inc"
};
const kernel_list top_k_list = {"top_k", all, sizeof all / sizeof *all};

static const top_k_kernel *chosen(void) {
    return (const top_k_kernel *)kernel_choose(top_k_list.all, top_k_list.count);
}

enum { BLOCK_ELEMENTS = 1 << 12 }; // scores per task

typedef struct row_blocks {
    const top_k_kernel *kernel;
    matrix scores;
    int64_t k;
    int64_t block; // rows per task
    int32_t *indices;
    real *threshold;
    real *scratch; // [threads, n]
} row_blocks;

static int64_t rows_in_block(matrix scores) {
    int64_t rows = BLOCK_ELEMENTS / scores.cols;
    return rows > 0 ? rows : 1;
}

static int64_t end_of_block(const row_blocks *blocks, int64_t task) {
    int64_t end = (task + 1) * blocks->block;
    return end < blocks->scores.rows ? end : blocks->scores.rows;
}

static void find_indices(void *context, int64_t task, int thread) {
    (void)thread;
    const row_blocks *b = context;
    for (int64_t r = task * b->block; r < end_of_block(b, task); r++)
        b->kernel->row(
            matrix_real(b->scores) + r * b->scores.stride, b->scores.cols, b->k, b->indices + r * b->k);
}

sigmoe_status top_k_rows(const kernel_context *context, matrix scores, int64_t k, int32_t *indices) {
    assert(k >= 1 && k <= scores.cols && scores.cols <= INT32_MAX);
    row_blocks blocks = {
        .kernel = chosen(), .scores = scores, .k = k, .block = rows_in_block(scores), .indices = indices};
    parallel_for(context->threads, divide_up(scores.rows, blocks.block), find_indices, &blocks);
    return SIGMOE_OK;
}

void top_k_row(const real *scores, int64_t n, int64_t k, int32_t *indices) {
    chosen()->row(scores, n, k, indices);
}

static void find_thresholds(void *context, int64_t task, int thread) {
    const row_blocks *b = context;
    int64_t n = b->scores.cols;
    for (int64_t r = task * b->block; r < end_of_block(b, task); r++)
        b->threshold[r] = b->kernel->kth_largest(
            matrix_real(b->scores) + r * b->scores.stride, n, b->k, b->scratch + thread * n);
}

sigmoe_status kth_largest_rows(const kernel_context *context, matrix scores, int64_t k, real *threshold) {
    assert(k >= 1 && k <= scores.cols && scores.cols <= INT32_MAX);
    row_blocks blocks = {
        .kernel = chosen(), .scores = scores, .k = k, .block = rows_in_block(scores), .threshold = threshold};
    int64_t elements;
    if (!size_product(&elements, scores.cols, threads_count(context->threads)))
        return fail(SIGMOE_NO_MEMORY, "rows of %lld scores are too long", (long long)scores.cols);
    arena_mark mark = arena_here(context->scratch);
    TRY(ARENA_NEW_RAW(context->scratch, blocks.scratch, elements));
    parallel_for(context->threads, divide_up(scores.rows, blocks.block), find_thresholds, &blocks);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
