#include "kernels/layer_norm/layer_norm.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const layer_norm_kernel layer_norm_avx512, layer_norm_avx2;
#endif
extern const layer_norm_kernel layer_norm_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/layer_norm/layer_norm.inc"
};
const kernel_list layer_norm_list = {"layer_norm", all, sizeof all / sizeof *all};

static const layer_norm_kernel *chosen(void) {
    return (const layer_norm_kernel *)kernel_choose(layer_norm_list.all, layer_norm_list.count);
}

enum { BLOCK_ROWS = 64 };

typedef struct pass {
    const layer_norm_kernel *kernel;
    const layer_norm_call *call;
    matrix y; // forward: y; backward: dy
    matrix dx;
    matrix partial; // [2 * blocks, d]: sums of each block, for dweight and then for dbias
} pass;

static real *row_of(matrix m, int64_t row) {
    return matrix_real(m) + row * m.stride;
}

static int64_t rows_from(matrix x, int64_t row) {
    return x.rows - row < BLOCK_ROWS ? x.rows - row : BLOCK_ROWS;
}

static void forward_block(void *context, int64_t task, int thread) {
    (void)thread;
    const pass *p = context;
    const layer_norm_call *c = p->call;
    int64_t row = task * BLOCK_ROWS;
    matrix y = matrix_part(p->y, row, rows_from(c->x, row), 0, p->y.cols);
    p->kernel->forward(row_of(c->x, row), c->x.stride, c->weight, c->bias, c->mean + row, c->rstd + row, y);
}

sigmoe_status layer_norm_forward(const kernel_context *context, const layer_norm_call *call, matrix y) {
    assert(y.rows == call->x.rows && y.cols == call->x.cols);
    THREADS_PART(context->threads, "norms");
    pass p = {.kernel = chosen(), .call = call, .y = y};
    parallel_for(context->threads, divide_up(call->x.rows, BLOCK_ROWS), forward_block, &p);
    return SIGMOE_OK;
}

static void backward_block(void *context, int64_t task, int thread) {
    (void)thread;
    const pass *p = context;
    const layer_norm_call *c = p->call;
    int64_t row = task * BLOCK_ROWS;
    real *dx = p->dx.data ? row_of(p->dx, row) : NULL;
    p->kernel->backward(row_of(c->x, row), c->x.stride, rows_from(c->x, row), c->x.cols, c->weight,
        c->mean + row, c->rstd + row, row_of(p->y, row), p->y.stride, dx, p->dx.stride,
        row_of(p->partial, 2 * task), row_of(p->partial, 2 * task + 1));
}

sigmoe_status layer_norm_backward(const kernel_context *context, const layer_norm_call *call, matrix dy,
    matrix dx, real *dweight, real *dbias) {
    assert(dy.rows == call->x.rows && dy.cols == call->x.cols);
    THREADS_PART(context->threads, "norms");
    int64_t blocks = divide_up(call->x.rows, BLOCK_ROWS), width = call->x.cols;
    arena_mark mark = arena_here(context->scratch);
    pass p = {.kernel = chosen(), .call = call, .y = dy, .dx = dx};
    TRY(matrix_new(context->scratch, TYPE_REAL, 2 * blocks, width, &p.partial));
    parallel_for(context->threads, blocks, backward_block, &p);
    for (int64_t block = 0; block < blocks; block++)
        for (int64_t i = 0; i < width; i++) {
            dweight[i] += row_of(p.partial, 2 * block)[i];
            dbias[i] += row_of(p.partial, 2 * block + 1)[i];
        }
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
