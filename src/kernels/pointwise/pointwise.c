#include "kernels/pointwise/pointwise.h"

#include <assert.h>
#include <string.h>

#if REAL_IS_FLOAT
extern const pointwise_kernel pointwise_avx512, pointwise_avx2;
#endif
extern const pointwise_kernel pointwise_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/pointwise/pointwise.inc"
};
const kernel_list pointwise_list = {"pointwise", all, sizeof all / sizeof *all};

static const pointwise_kernel *chosen(void) {
    return (const pointwise_kernel *)kernel_choose(pointwise_list.all, pointwise_list.count);
}

// A task is a block of whole rows of about BLOCK_ELEMENTS, at least one.
enum { BLOCK_ELEMENTS = 16384 };

// What the passes are called with; each reads what it needs.
typedef struct pass {
    void (*run)(const struct pass *pass, int64_t row, int64_t rows);
    const pointwise_kernel *kernel;
    matrix x; // the matrix whose rows are split
    matrix y; // a second operand of the same shape
    const real *bias;
    double p;
    random_stream stream;
    uint64_t first;
    real value;
    real *partial; // [blocks, cols]
    int64_t block; // rows of a block
} pass;

static void run_block(void *context, int64_t task, int thread) {
    (void)thread;
    const pass *p = context;
    int64_t row = task * p->block, left = p->x.rows - row;
    p->run(p, row, left < p->block ? left : p->block);
}

static int64_t rows_of_block(matrix x) {
    return x.cols < BLOCK_ELEMENTS ? BLOCK_ELEMENTS / x.cols : 1;
}

static void run_pass(const kernel_context *context, pass p) {
    if (p.x.rows == 0 || p.x.cols == 0) return;
    p.kernel = chosen();
    p.block = rows_of_block(p.x);
    parallel_for(context->threads, block_count(p.x.rows, p.block), run_block, &p);
}

static real *row_of(matrix m, int64_t row) {
    return matrix_real(m) + row * m.stride;
}

// Rows that lie end to end are one run for the elementwise kernels.
static bool end_to_end(matrix m) {
    return m.stride == m.cols;
}

// Calls for each run of elements of the block: `columns` long, `runs` of them.
typedef struct runs {
    int64_t count, columns;
} runs;
static runs runs_of(bool joined, int64_t rows, int64_t cols) {
    return joined ? (runs){1, rows * cols} : (runs){rows, cols};
}

static void bias_relu_block(const pass *p, int64_t row, int64_t rows) {
    for (int64_t i = row; i < row + rows; i++) p->kernel->bias_relu(row_of(p->x, i), p->bias, p->x.cols);
}

void bias_relu(const kernel_context *context, matrix x, const real *bias) {
    run_pass(context, (pass){.run = bias_relu_block, .x = x, .bias = bias});
}

static void add_bias_block(const pass *p, int64_t row, int64_t rows) {
    for (int64_t i = row; i < row + rows; i++) p->kernel->add(row_of(p->x, i), p->bias, p->x.cols);
}

void add_bias(const kernel_context *context, matrix x, const real *bias) {
    run_pass(context, (pass){.run = add_bias_block, .x = x, .bias = bias});
}

static void relu_backward_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x) && end_to_end(p->y), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++)
        p->kernel->relu_backward(row_of(p->y, i), row_of(p->x, i), r.columns);
}

void relu_backward(const kernel_context *context, matrix u, matrix dx) {
    assert(u.rows == dx.rows && u.cols == dx.cols);
    run_pass(context, (pass){.run = relu_backward_block, .x = dx, .y = u});
}

static void add_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x) && end_to_end(p->y), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++) p->kernel->add(row_of(p->x, i), row_of(p->y, i), r.columns);
}

void add_into(const kernel_context *context, matrix y, matrix x) {
    assert(y.rows == x.rows && y.cols == x.cols);
    run_pass(context, (pass){.run = add_block, .x = y, .y = x});
}

static void copy_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x) && end_to_end(p->y), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++)
        memcpy(row_of(p->x, i), row_of(p->y, i), (size_t)r.columns * sizeof(real));
}

void copy_into(const kernel_context *context, matrix y, matrix x) {
    assert(y.rows == x.rows && y.cols == x.cols);
    run_pass(context, (pass){.run = copy_block, .x = y, .y = x});
}

static void fill_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++)
        for (int64_t j = 0; j < r.columns; j++) row_of(p->x, i)[j] = p->value;
}

void fill(const kernel_context *context, matrix y, real value) {
    run_pass(context, (pass){.run = fill_block, .x = y, .value = value});
}

static void dropout_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++)
        p->kernel->dropout(row_of(p->x, i), r.columns, p->p, p->stream, p->first + (uint64_t)(i * p->x.cols));
}

void dropout(const kernel_context *context, matrix x, double p, random_stream stream, uint64_t first) {
    if (p == 0) return;
    run_pass(context, (pass){.run = dropout_block, .x = x, .p = p, .stream = stream, .first = first});
}

static void softmax_block(const pass *p, int64_t row, int64_t rows) {
    for (int64_t i = row; i < row + rows; i++) p->kernel->softmax(row_of(p->x, i), p->x.cols);
}

void softmax_rows(const kernel_context *context, matrix x) {
    run_pass(context, (pass){.run = softmax_block, .x = x});
}

static void softmax_backward_block(const pass *p, int64_t row, int64_t rows) {
    for (int64_t i = row; i < row + rows; i++)
        p->kernel->softmax_backward(row_of(p->y, i), row_of(p->x, i), p->x.cols);
}

void softmax_rows_backward(const kernel_context *context, matrix y, matrix d) {
    assert(y.rows == d.rows && y.cols == d.cols);
    run_pass(context, (pass){.run = softmax_backward_block, .x = d, .y = y});
}

static void sum_block(const pass *p, int64_t row, int64_t rows) {
    real *partial = p->partial + row / p->block * p->x.cols;
    memcpy(partial, row_of(p->x, row), (size_t)p->x.cols * sizeof(real));
    for (int64_t i = row + 1; i < row + rows; i++) p->kernel->add(partial, row_of(p->x, i), p->x.cols);
}

sigmoe_status add_column_sums(const kernel_context *context, matrix x, real *sum) {
    if (x.rows == 0 || x.cols == 0) return SIGMOE_OK;
    int64_t blocks = block_count(x.rows, rows_of_block(x));
    arena_mark mark = arena_here(context->scratch);
    matrix partial;
    TRY(matrix_new(context->scratch, TYPE_REAL, blocks, x.cols, &partial));
    run_pass(context, (pass){.run = sum_block, .x = x, .partial = matrix_real(partial)});
    for (int64_t i = 0; i < blocks; i++) chosen()->add(sum, row_of(partial, i), x.cols);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
