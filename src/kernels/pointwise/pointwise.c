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

const pointwise_kernel *pointwise_chosen(void) {
    return (const pointwise_kernel *)kernel_choose(pointwise_list.all, pointwise_list.count);
}

// A task is a block of whole rows with about BLOCK_ELEMENTS elements, at least one row.
enum { BLOCK_ELEMENTS = 16384 };

// Arguments of the passes; each reads what it needs.
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
    p.kernel = pointwise_chosen();
    p.block = rows_of_block(p.x);
    parallel_for(context->threads, divide_up(p.x.rows, p.block), run_block, &p);
}

static real *row_of(matrix m, int64_t row) {
    return matrix_real(m) + row * m.stride;
}

// If rows are contiguous, the elementwise kernels treat them as one run.
static bool end_to_end(matrix m) {
    return m.stride == m.cols;
}

// What an elementwise kernel processes in one block: `count` runs of `columns` elements.
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

// bf16 runs are widened and processed in pieces that stay in the L1 cache.
enum { PIECE = 1024 };

static int64_t piece_length(int64_t n, int64_t start) {
    return n - start < PIECE ? n - start : PIECE;
}

static void relu_backward_bf16(
    const pointwise_kernel *kernel, const bf16 *u, bf16 *dx, int64_t n, real factor) {
    real wide_u[PIECE], wide_dx[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        int64_t length = piece_length(n, i);
        kernel->widen(wide_u, u + i, length);
        kernel->widen(wide_dx, dx + i, length);
        kernel->relu_backward(wide_u, wide_dx, length, factor);
        kernel->round(dx + i, wide_dx, length);
    }
}

static void relu_backward_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x) && end_to_end(p->y), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++)
        if (p->x.type == TYPE_BF16)
            relu_backward_bf16(p->kernel, matrix_row(p->y, i), matrix_row(p->x, i), r.columns, p->value);
        else
            p->kernel->relu_backward(row_of(p->y, i), row_of(p->x, i), r.columns, p->value);
}

void relu_backward(const kernel_context *context, matrix u, matrix dx, real factor) {
    assert(u.rows == dx.rows && u.cols == dx.cols && u.type == dx.type);
    run_pass(context, (pass){.run = relu_backward_block, .x = dx, .y = u, .value = factor});
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
        if (p->x.type == p->y.type)
            memcpy(matrix_row(p->x, i), matrix_row(p->y, i), (size_t)r.columns * dtype_size(p->x.type));
        else if (p->x.type == TYPE_REAL)
            p->kernel->widen(row_of(p->x, i), matrix_row(p->y, i), r.columns);
        else
            p->kernel->round(matrix_row(p->x, i), row_of(p->y, i), r.columns);
}

void copy_into(const kernel_context *context, matrix y, matrix x) {
    assert(y.rows == x.rows && y.cols == x.cols);
    run_pass(context, (pass){.run = copy_block, .x = y, .y = x});
}

sigmoe_status matrix_as(const kernel_context *context, matrix x, dtype type, matrix *out) {
    *out = x;
    if (x.type == type) return SIGMOE_OK;
    TRY(matrix_new(context->scratch, type, x.rows, x.cols, out));
    copy_into(context, *out, x);
    return SIGMOE_OK;
}

static void fill_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x), rows, p->x.cols);
    const real value = p->value;
    for (int64_t i = row; i < row + r.count; i++) {
        real *x = row_of(p->x, i);
        for (int64_t j = 0; j < r.columns; j++) x[j] = value;
    }
}

void fill(const kernel_context *context, matrix y, real value) {
    run_pass(context, (pass){.run = fill_block, .x = y, .value = value});
}

static void dropout_bf16(const pass *p, bf16 *x, int64_t n, uint64_t first) {
    real wide[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        int64_t length = piece_length(n, i);
        p->kernel->widen(wide, x + i, length);
        p->kernel->dropout(wide, length, p->p, p->stream, first + (uint64_t)i);
        p->kernel->round(x + i, wide, length);
    }
}

static void dropout_block(const pass *p, int64_t row, int64_t rows) {
    runs r = runs_of(end_to_end(p->x), rows, p->x.cols);
    for (int64_t i = row; i < row + r.count; i++) {
        uint64_t first = p->first + (uint64_t)(i * p->x.cols);
        if (p->x.type == TYPE_BF16)
            dropout_bf16(p, matrix_row(p->x, i), r.columns, first);
        else
            p->kernel->dropout(row_of(p->x, i), r.columns, p->p, p->stream, first);
    }
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

// Column sums are split both ways, for tall and for wide matrices: a task sums a stripe of columns over a block of rows.
enum { SUM_ROWS = 64, SUM_COLS = 1024 };

typedef struct sum_pass {
    const pointwise_kernel *kernel;
    matrix x;
    matrix partial; // [blocks, cols]
    int64_t stripes;
    real *sum;
} sum_pass;

static int64_t stripe_width(const sum_pass *p, int64_t col) {
    return p->x.cols - col < SUM_COLS ? p->x.cols - col : SUM_COLS;
}

// Columns [col, col + width) of a row as TYPE_REAL: in place, or widened into `wide`.
static const real *stripe_of_row(const sum_pass *p, int64_t row, int64_t col, int64_t width, real *wide) {
    if (p->x.type == TYPE_REAL) return row_of(p->x, row) + col;
    p->kernel->widen(wide, (const bf16 *)matrix_row(p->x, row) + col, width);
    return wide;
}

static void sum_block(void *context, int64_t task, int thread) {
    (void)thread;
    const sum_pass *p = context;
    real wide[SUM_COLS];
    int64_t block = task / p->stripes, col = task % p->stripes * SUM_COLS, width = stripe_width(p, col);
    int64_t row = block * SUM_ROWS, end = row + SUM_ROWS < p->x.rows ? row + SUM_ROWS : p->x.rows;
    real *partial = row_of(p->partial, block) + col;
    memcpy(partial, stripe_of_row(p, row, col, width, wide), (size_t)width * sizeof(real));
    while (++row < end) p->kernel->add(partial, stripe_of_row(p, row, col, width, wide), width);
}

static void sum_stripe(void *context, int64_t stripe, int thread) {
    (void)thread;
    const sum_pass *p = context;
    int64_t col = stripe * SUM_COLS, width = stripe_width(p, col);
    for (int64_t block = 0; block < p->partial.rows; block++)
        p->kernel->add(p->sum + col, row_of(p->partial, block) + col, width);
}

sigmoe_status add_column_sums(const kernel_context *context, matrix x, real *sum) {
    if (x.rows == 0 || x.cols == 0) return SIGMOE_OK;
    arena_mark mark = arena_here(context->scratch);
    sum_pass p = {.kernel = pointwise_chosen(), .x = x, .stripes = divide_up(x.cols, SUM_COLS), .sum = sum};
    int64_t blocks = divide_up(x.rows, SUM_ROWS);
    TRY(matrix_new(context->scratch, TYPE_REAL, blocks, x.cols, &p.partial));
    parallel_for(context->threads, blocks * p.stripes, sum_block, &p);
    parallel_for(context->threads, p.stripes, sum_stripe, &p);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
