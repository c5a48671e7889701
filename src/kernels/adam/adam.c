#include "kernels/adam/adam.h"

#if REAL_IS_FLOAT
extern const adam_kernel adam_avx512, adam_avx2;
#endif
extern const adam_kernel adam_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/adam/adam.inc"
};
const kernel_list adam_list = {"adam", all, sizeof all / sizeof *all};

static const adam_kernel *chosen(void) {
    return (const adam_kernel *)kernel_choose(adam_list.all, adam_list.count);
}

enum { BLOCK_ELEMENTS = 16384 };

static int64_t count_from(int64_t total, int64_t start) {
    return total - start < BLOCK_ELEMENTS ? total - start : BLOCK_ELEMENTS;
}

static void update_block(void *context, int64_t task, int thread) {
    (void)thread;
    const adam_call *call = context;
    int64_t start = task * BLOCK_ELEMENTS;
    adam_call block = *call;
    block.count = count_from(call->count, start);
    block.value += start;
    block.gradient += start;
    block.moment1 += start;
    block.moment2 += start;
    if (call->rounded) block.rounded += start;
    chosen()->update(&block);
}

sigmoe_status adam_update(const kernel_context *context, const adam_call *call) {
    adam_call copy = *call;
    parallel_for(context->threads, divide_up(call->count, BLOCK_ELEMENTS), update_block, &copy);
    return SIGMOE_OK;
}

typedef struct squares_pass {
    const real *x;
    int64_t count;
    double *partial; // [blocks]
} squares_pass;

static void squares_block(void *context, int64_t task, int thread) {
    (void)thread;
    const squares_pass *p = context;
    int64_t start = task * BLOCK_ELEMENTS;
    p->partial[task] = chosen()->squares(p->x + start, count_from(p->count, start));
}

sigmoe_status sum_of_squares(const kernel_context *context, const real *x, int64_t count, double *sum) {
    int64_t blocks = divide_up(count, BLOCK_ELEMENTS);
    arena_mark mark = arena_here(context->scratch);
    squares_pass pass = {.x = x, .count = count};
    TRY(ARENA_NEW_RAW(context->scratch, pass.partial, blocks));
    parallel_for(context->threads, blocks, squares_block, &pass);
    *sum = 0;
    for (int64_t i = 0; i < blocks; i++) *sum += pass.partial[i];
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
