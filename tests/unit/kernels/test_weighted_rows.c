#include "kernels/check.h"

#include "kernels/weighted_rows/weighted_rows.h"

#include <math.h>

typedef struct shape {
    int64_t tokens, slots, rows, width;
    bool zeros; // some weights are 0, and the row that only they choose is NaN
} shape;

static const shape shapes[] = {{0, 3, 2, 5, false}, {1, 1, 1, 1, false}, {3, 1, 4, 16, false},
    {5, 4, 3, 33, true}, {17, 7, 9, 8, true}, {40, 9, 300, 47, true}, {2, 513, 30, 20, true},
    {33, 64, 50, 103, false}, {700, 3, 2, 7, false}}; // 513 and 700: more terms than are collected at once
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int32_t *choice_of(const shape *s, check_output *out) {
    int32_t *index = arena_take(out->memory, (size_t)(s->tokens * s->slots), sizeof *index);
    random_stream stream = {.seed = 7, .step = 9, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < s->tokens * s->slots; i++)
        index[i] = (int32_t)(random_uniform(stream, (uint64_t)i) * (double)s->rows);
    return index;
}

static row_pairs pairs_of(const shape *s, const int32_t *index, check_output *out) {
    int64_t *offset = arena_take(out->memory, (size_t)s->rows + 1, sizeof *offset), count = 0;
    int32_t *pair = arena_take(out->memory, (size_t)(s->tokens * s->slots), sizeof *pair);
    for (int64_t row = 0; row < s->rows; row++) {
        for (int64_t p = 0; p < s->tokens * s->slots; p++)
            if (index[p] == row) pair[count++] = (int32_t)p;
        offset[row + 1] = count;
    }
    return (row_pairs){offset, pair};
}

static void run(const kernel_context *context, int number, check_output *out) {
    const shape *s = &shapes[number];
    int64_t count = s->tokens * s->slots;
    weighted_rows_call call = {.slots = s->slots, .index = choice_of(s, out)};
    real *weight = check_vector(out, count, 1);
    matrix rows = check_matrix(out, s->rows, s->width, 3, 2),
           dy = check_matrix(out, s->tokens, s->width, 1, 3);
    matrix y = check_matrix(out, s->tokens, s->width, 2, 4),
           drows = check_matrix(out, s->rows, s->width, 1, 5);
    real *dweight = check_vector(out, count, 6);
    call.rows = rows;
    call.weight = weight;
    for (int64_t i = 0; s->zeros && i < count; i++)
        if (i % 3 == 0 || call.index[i] == 1) weight[i] = 0;
    weighted_rows_weight_gradient(context, &call, dy, dweight);
    if (s->zeros) matrix_real(rows)[rows.stride] = NAN;
    weighted_rows_sum(context, &call, y);
    row_pairs pairs = pairs_of(s, call.index, out);
    weighted_rows_gradient(context, &call, &pairs, dy, drows);
    check_emit(out, "y", matrix_real(y), y.rows * y.stride, 1e-4);
    check_emit(out, "dweight", dweight, count, 1e-4);
    check_emit(out, "drows", matrix_real(drows), drows.rows * drows.stride, 1e-4);
}

// y = 2 · (1, 2) - 1 · (3, 5); the slot with weight 0 chooses a NaN.
static void reference_on_known_values(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("weighted rows test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    real rows[] = {1, 2, 3, 5, NAN, 0}, weight[] = {2, 0, -1}, y[2], dy[] = {10, 100}, dweight[3];
    real drows[] = {1, 1, 1, 1, 1, 1};
    const int32_t index[] = {0, 2, 1}, pair[] = {0, 2, 1};
    const int64_t offset[] = {0, 1, 2, 3};
    weighted_rows_call call = {matrix_of(rows, 3, 2), 3, index, weight};
    weighted_rows_sum(&c, &call, matrix_of(y, 1, 2));
    assert_true(y[0] == -1 && y[1] == -1);
    rows[4] = 7;
    weighted_rows_weight_gradient(&c, &call, matrix_of(dy, 1, 2), dweight);
    assert_true(dweight[0] == 210 && dweight[1] == 70 && dweight[2] == 530);
    weighted_rows_gradient(
        &c, &call, &(row_pairs){offset, pair}, matrix_of(dy, 1, 2), matrix_of(drows, 3, 2));
    const real expected[] = {21, 201, -9, -99, 1, 1};
    assert_memory_equal(drows, expected, sizeof expected);
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_on_known_values)};
    int failures = cmocka_run_group_tests_name("weighted_rows reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"weighted_rows", SHAPES, run})) != 0;
}
