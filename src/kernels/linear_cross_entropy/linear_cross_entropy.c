#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const linear_cross_entropy_kernel linear_cross_entropy_avx512, linear_cross_entropy_avx2;
#endif
extern const linear_cross_entropy_kernel linear_cross_entropy_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.inc"
};
const kernel_list linear_cross_entropy_list = {"linear_cross_entropy", all, sizeof all / sizeof *all};

static const linear_cross_entropy_kernel *chosen(void) {
    return (const linear_cross_entropy_kernel *)kernel_choose(
        linear_cross_entropy_list.all, linear_cross_entropy_list.count);
}

// Logits of a chunk: about CHUNK_ELEMENTS (8 MB), with a number of rows that divides well into GEMM tiles.
enum { CHUNK_ELEMENTS = 1 << 21, LEAST_ROWS = 16, MOST_ROWS = 1024, TASK_ELEMENTS = 1 << 15 };

static int64_t rows_of_chunk(int64_t vocabulary) {
    int64_t rows = CHUNK_ELEMENTS / vocabulary / LEAST_ROWS * LEAST_ROWS;
    if (rows < LEAST_ROWS) return LEAST_ROWS;
    return rows < MOST_ROWS ? rows : MOST_ROWS;
}

typedef struct chunk {
    const cross_entropy_call *call;
    int64_t first; // row of the call
    matrix logits; // [rows, V]
    matrix factor; // the logits' gradient as an operand of products: itself, or a bf16 copy
    real scale;    // 0: no gradients
    int64_t block; // rows per task
} chunk;

static void run_rows(void *context, int64_t task, int thread) {
    (void)thread;
    const chunk *c = context;
    int64_t row = task * c->block, rows = least(c->block, c->logits.rows - row), at = c->first + row;
    real *logits = matrix_row(c->logits, row);
    chosen()->rows(
        logits, rows, c->logits.cols, c->call->bias, c->call->targets + at, c->scale, c->call->nats + at);
    if (c->factor.type == TYPE_BF16)
        pointwise_chosen()->round(matrix_row(c->factor, row), logits, rows * c->logits.cols);
}

static void run_all_rows(const kernel_context *context, chunk *c) {
    c->block = TASK_ELEMENTS / c->logits.cols > 0 ? TASK_ELEMENTS / c->logits.cols : 1;
    parallel_for(context->threads, divide_up(c->logits.rows, c->block), run_rows, c);
}

static matrix rows_of(matrix m, const chunk *c) {
    return matrix_part(m, c->first, c->logits.rows, 0, m.cols);
}

// Replaces the logits with their gradient if the scale is nonzero.
static sigmoe_status evaluate_chunk(const kernel_context *context, chunk *c) {
    const cross_entropy_call *call = c->call;
    TRY(dense_gemm(context,
        &(gemm_call){.transpose_b = true, .a = rows_of(call->x, c), .b = call->weight, .c = c->logits}));
    run_all_rows(context, c);
    return SIGMOE_OK;
}

sigmoe_status cross_entropy_of_logits(
    const kernel_context *context, matrix logits, const int32_t *targets, double *nats) {
    arena_mark mark = arena_here(context->scratch);
    real *no_bias;
    TRY(ARENA_NEW(context->scratch, no_bias, logits.cols));
    const cross_entropy_call call = {.bias = no_bias, .targets = targets, .nats = nats};
    run_all_rows(context, &(chunk){.call = &call, .logits = logits, .factor = logits});
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}

int64_t cross_entropy_scratch_bytes(int64_t rows, int64_t vocabulary, dtype operands) {
    size_t element = sizeof(real) + (operands == TYPE_BF16 ? sizeof(bf16) : 0);
    return least(rows, rows_of_chunk(vocabulary)) * vocabulary * (int64_t)element;
}

static sigmoe_status propagate_chunk(
    const kernel_context *context, const chunk *c, const cross_entropy_gradients *gradients) {
    TRY(dense_gemm(
        context, &(gemm_call){.a = c->factor, .b = c->call->weight, .c = rows_of(gradients->dx, c)}));
    TRY(dense_gemm(context, &(gemm_call){.transpose_a = true,
                                .accumulate = true,
                                .a = c->factor,
                                .b = rows_of(c->call->x, c),
                                .c = gradients->dweight}));
    return add_column_sums(context, c->logits, gradients->dbias);
}

// `gradients` may be NULL.
static sigmoe_status run_chunks(
    const kernel_context *context, const cross_entropy_call *call, const cross_entropy_gradients *gradients) {
    int64_t rows = call->x.rows, vocabulary = call->weight.rows;
    assert(call->weight.cols == call->x.cols && vocabulary > 0);
    THREADS_PART(context->threads, "cross entropy");
    int64_t step = least(rows, rows_of_chunk(vocabulary));
    arena_mark mark = arena_here(context->scratch);
    matrix logits, factor;
    TRY(matrix_new(context->scratch, TYPE_REAL, step, vocabulary, &logits));
    factor = logits;
    sigmoe_status status = SIGMOE_OK;
    if (gradients && call->x.type == TYPE_BF16)
        TRY_OR(done, matrix_new(context->scratch, TYPE_BF16, step, vocabulary, &factor));
    for (int64_t first = 0; first < rows && status == SIGMOE_OK; first += step) {
        chunk c = {call, first, logits, factor, gradients ? gradients->scale : 0, 0};
        c.logits.rows = c.factor.rows = least(step, rows - first);
        status = evaluate_chunk(context, &c);
        if (gradients && status == SIGMOE_OK) status = propagate_chunk(context, &c, gradients);
    }
done:
    arena_release(context->scratch, mark);
    return status;
}

sigmoe_status cross_entropy_forward(const kernel_context *context, const cross_entropy_call *call) {
    return run_chunks(context, call, NULL);
}

sigmoe_status cross_entropy_train(
    const kernel_context *context, const cross_entropy_call *call, const cross_entropy_gradients *gradients) {
    return run_chunks(context, call, gradients);
}
