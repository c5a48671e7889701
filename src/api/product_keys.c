// Chapter 3: the two operations of a product-key memory.
#include "api/layer_threads.h"
#include "api/request.h"
#include "base/cpu.h"
#include "kernels/product_key/product_key.h"
#include "kernels/weighted_rows/weighted_rows.h"
#include "model/feedforward/token_grouping.h"

#include <inttypes.h>
#include <string.h>

// What one call computes with.
typedef struct call_space {
    layer_threads threads;
    kernel_context kernel;
} call_space;

static void space_close(call_space *space) {
    layer_threads_end(&space->threads);
    layer_threads_close(&space->threads);
    arena_destroy(space->kernel.scratch);
}

static sigmoe_status space_open(call_space *space) {
    *space = (call_space){0};
    sigmoe_status status;
    TRY(cpu_init());
    TRY_OR(failed, layer_threads_open(&space->threads));
    TRY_OR(failed, arena_create("a product-key memory", &space->kernel.scratch));
    TRY_OR(failed, layer_threads_begin(&space->threads, &space->kernel.threads));
    return SIGMOE_OK;
failed:
    space_close(space);
    return status;
}

// The message of a size that is out of range, or of a pointer that is missing.
static sigmoe_status refuse(const char *function, const char *what) {
    return fail(SIGMOE_BAD_ARGUMENT, "`%s` needs %s", function, what);
}

// ---------------------------------------------------------------- search

static void widen(const int32_t *from, int64_t count, int64_t *to) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i];
}

static sigmoe_status check_search(const real *a, const real *b, int64_t rows, int64_t n, int64_t count,
    const real *scores, const int64_t *index) {
    const char *function = "sigmoe_product_key_top_k";
    int64_t halves, found;
    if (rows < 0 || n < 2 || count < 1 || count >= n)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`%s` got %" PRId64 " rows, n %" PRId64 " and count %" PRId64
            ": rows must be at least 0 and count between 1 and n - 1",
            function, rows, n, count);
    if (!size_product(&halves, rows, n) || !size_product(&found, rows, count))
        return refuse(function, "fewer rows: their sizes overflow");
    if (rows > 0 && (!a || !b || !scores || !index))
        return refuse(function, "all its pointers, but one is NULL");
    return SIGMOE_OK;
}

sigmoe_status sigmoe_product_key_top_k(const sigmoe_real *a, const sigmoe_real *b, int64_t rows, int64_t n,
    int64_t count, sigmoe_real *scores, int64_t *index) {
    call_space space;
    int32_t *found;
    sigmoe_status status;
    TRY(check_search(a, b, rows, n, count, scores, index));
    TRY(space_open(&space));
    TRY_OR(done, ARENA_NEW_RAW(space.kernel.scratch, found, rows * count));
    // The kernel only reads the halves.
    TRY_OR(done, product_key_search(&space.kernel, matrix_of((real *)a, rows, n),
                     matrix_of((real *)b, rows, n), count, scores, found));
    widen(found, rows * count, index);
done:
    space_close(&space);
    return status;
}

// ---------------------------------------------------------------- sums

void sigmoe_weighted_rows_call_defaults_sized(sigmoe_weighted_rows_call *call, size_t size) {
    sized_fill(call, size, &(sigmoe_weighted_rows_call){0}, sizeof *call);
}

static sigmoe_status check_sum(const sigmoe_weighted_rows_call *c, const void *y, const char *function) {
    int64_t pairs, elements;
    if (c->tokens < 0 || c->slots < 1 || c->count < 1 || c->width < 1)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`%s` got %" PRId64 " tokens, %" PRId64 " slots, %" PRId64 " rows and width %" PRId64
            ": tokens must be at least 0, the others at least 1",
            function, c->tokens, c->slots, c->count, c->width);
    if (!size_product(&pairs, c->tokens, c->slots) || pairs > INT32_MAX || c->count > INT32_MAX ||
        !size_product(&elements, c->tokens, c->width) || !size_product(&elements, c->count, c->width))
        return refuse(
            function, "smaller sizes: the pairs of a token and a slot, and the rows, must fit 31 bits");
    if (!c->rows || (c->tokens > 0 && (!c->index || !c->weight || !y)))
        return refuse(function, "all its pointers, but one is NULL");
    for (int64_t p = 0; p < pairs; p++)
        if (c->index[p] < 0 || c->index[p] >= c->count)
            return fail(SIGMOE_BAD_ARGUMENT,
                "`index` of `%s` is %" PRId64 " at [%" PRId64 ", %" PRId64
                "], but there are rows 0 to %" PRId64,
                function, c->index[p], p / c->slots, p % c->slots, c->count - 1);
    return SIGMOE_OK;
}

static sigmoe_status narrow(arena *scratch, const sigmoe_weighted_rows_call *c, weighted_rows_call *call) {
    int32_t *index;
    int64_t pairs = c->tokens * c->slots;
    TRY(ARENA_NEW_RAW(scratch, index, pairs));
    for (int64_t p = 0; p < pairs; p++) index[p] = (int32_t)c->index[p];
    *call = (weighted_rows_call){matrix_of((real *)c->rows, c->count, c->width), c->slots, index, c->weight};
    return SIGMOE_OK;
}

sigmoe_status sigmoe_weighted_rows(const sigmoe_weighted_rows_call *given, sigmoe_real *y) {
    sigmoe_weighted_rows_call own;
    weighted_rows_call call;
    call_space space;
    sigmoe_status status;
    TRY(REQUEST_READ(own, given, "weighted_rows_call"));
    TRY(check_sum(&own, y, "sigmoe_weighted_rows"));
    TRY(space_open(&space));
    TRY_OR(done, narrow(space.kernel.scratch, &own, &call));
    weighted_rows_sum(&space.kernel, &call, matrix_of(y, own.tokens, own.width));
done:
    space_close(&space);
    return status;
}

static sigmoe_status row_gradient(
    const kernel_context *kernel, const weighted_rows_call *call, matrix dy, matrix drows, bool accumulate) {
    expert_grouping by_row;
    TRY(group_tokens(kernel->scratch, call->index, dy.rows, call->slots, drows.rows, &by_row));
    if (!accumulate) memset(matrix_real(drows), 0, (size_t)(drows.rows * drows.cols) * sizeof(real));
    weighted_rows_gradient(kernel, call, &(row_pairs){by_row.offset, by_row.pair}, dy, drows);
    return SIGMOE_OK;
}

sigmoe_status sigmoe_weighted_rows_backward(const sigmoe_weighted_rows_call *given, const sigmoe_real *dy,
    sigmoe_real *drows, sigmoe_real *dweight, bool accumulate) {
    sigmoe_weighted_rows_call own;
    weighted_rows_call call;
    call_space space;
    sigmoe_status status;
    TRY(REQUEST_READ(own, given, "weighted_rows_call"));
    TRY(check_sum(&own, dy, "sigmoe_weighted_rows_backward"));
    TRY(space_open(&space));
    matrix gradient = matrix_of((real *)dy, own.tokens, own.width);
    TRY_OR(done, narrow(space.kernel.scratch, &own, &call));
    if (dweight) weighted_rows_weight_gradient(&space.kernel, &call, gradient, dweight);
    if (drows)
        TRY_OR(done,
            row_gradient(&space.kernel, &call, gradient, matrix_of(drows, own.count, own.width), accumulate));
done:
    space_close(&space);
    return status;
}
