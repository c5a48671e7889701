#include "model/embedding.h"

#include <string.h>

enum { ROWS_A_TASK = 64, COLUMNS_A_TASK = 32 };

typedef struct lookup {
    matrix table, x;
    const int32_t *tokens;
} lookup;

static void gather_rows(void *context, int64_t task, int thread) {
    (void)thread;
    const lookup *c = context;
    int64_t end = (task + 1) * ROWS_A_TASK < c->x.rows ? (task + 1) * ROWS_A_TASK : c->x.rows;
    for (int64_t i = task * ROWS_A_TASK; i < end; i++)
        memcpy(matrix_real(c->x) + i * c->x.stride, matrix_real(c->table) + c->tokens[i] * c->table.stride,
            (size_t)c->x.cols * sizeof(real));
}

void embedding_forward(const kernel_context *context, matrix table, const int32_t *tokens, matrix x) {
    THREADS_PART(context->threads, "embedding");
    lookup c = {table, x, tokens};
    parallel_for(context->threads, divide_up(x.rows, ROWS_A_TASK), gather_rows, &c);
}

// Each task owns some columns of the whole table, so the rows of repeated tokens are summed in order and without conflict.
static void scatter_columns(void *context, int64_t task, int thread) {
    (void)thread;
    const lookup *c = context;
    int64_t first = task * COLUMNS_A_TASK;
    int64_t end = first + COLUMNS_A_TASK < c->x.cols ? first + COLUMNS_A_TASK : c->x.cols;
    for (int64_t i = 0; i < c->x.rows; i++) {
        const real *from = matrix_real(c->x) + i * c->x.stride;
        real *to = matrix_real(c->table) + c->tokens[i] * c->table.stride;
        for (int64_t j = first; j < end; j++) to[j] += from[j];
    }
}

void embedding_backward(const kernel_context *context, matrix dtable, const int32_t *tokens, matrix dx) {
    THREADS_PART(context->threads, "embedding");
    lookup c = {dtable, dx, tokens};
    parallel_for(context->threads, divide_up(dx.cols, COLUMNS_A_TASK), scatter_columns, &c);
}
