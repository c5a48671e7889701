#include "kernels/dense_gemm/transposed_copy.h"

// Block side: the floats of a cache line, so that each line is read or written completely while it is in the cache.
enum { BLOCK = 16 };

int64_t transposed_copy_stride(matrix from) {
    return from.rows % UNLUCKY_STRIDE == 0 ? from.rows + BLOCK : from.rows;
}

typedef struct copying {
    matrix from, to;
} copying;

static void copy_block(const real *from, int64_t from_stride, real *to, int64_t to_stride) {
    for (int64_t i = 0; i < BLOCK; i++)
        for (int64_t j = 0; j < BLOCK; j++) to[i * to_stride + j] = from[j * from_stride + i];
}

static void copy_edge(copying c, int64_t row, int64_t rows, int64_t col, int64_t cols) {
    const real *from = matrix_real(c.from);
    real *to = matrix_real(c.to);
    for (int64_t i = row; i < row + rows; i++)
        for (int64_t j = col; j < col + cols; j++) to[i * c.to.stride + j] = from[j * c.from.stride + i];
}

// Copies BLOCK rows of `to`.
static void copy_rows(void *context, int64_t task, int thread) {
    (void)thread;
    copying c = *(const copying *)context;
    int64_t row = task * BLOCK, rows = c.to.rows - row < BLOCK ? c.to.rows - row : BLOCK, col = 0;
    for (; rows == BLOCK && col + BLOCK <= c.to.cols; col += BLOCK)
        copy_block(matrix_real(c.from) + col * c.from.stride + row, c.from.stride,
            matrix_real(c.to) + row * c.to.stride + col, c.to.stride);
    copy_edge(c, row, rows, col, c.to.cols - col);
}

sigmoe_status transposed_copy(const kernel_context *context, matrix from, matrix *to) {
    TRY(matrix_new(context->scratch, TYPE_REAL, from.cols, transposed_copy_stride(from), to));
    to->cols = from.rows;
    copying c = {from, *to};
    parallel_for(context->threads, divide_up(to->rows, BLOCK), copy_rows, &c);
    return SIGMOE_OK;
}
