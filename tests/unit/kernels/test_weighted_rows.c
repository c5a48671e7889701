#include "kernels/check_bf16.h"

#include "base/quantization.h"
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

static matrix numbers_of(check_output *out, matrix m) {
    int8_t *data = arena_take(out->memory, (size_t)(m.rows * m.stride), sizeof *data);
    float *scale = arena_take(out->memory, (size_t)m.rows, sizeof *scale);
    for (int64_t r = 0; r < m.rows; r++)
        quantize_rows(matrix_row(m, r), 1, m.cols, data + r * m.stride, scale + r);
    return (matrix){data, TYPE_I8, m.rows, m.cols, m.stride, scale};
}

static weighted_rows_call call_of(const shape *s, matrix rows, check_output *out) {
    int64_t count = s->tokens * s->slots;
    real *weight = check_vector(out, count, 1);
    weighted_rows_call call = {rows, s->slots, choice_of(s, out), weight};
    for (int64_t i = 0; s->zeros && i < count; i++)
        if (i % 3 == 0 || call.index[i] == 1) weight[i] = 0;
    return call;
}

static void set_nan(matrix rows) {
    if (rows.type == TYPE_BF16)
        *(bf16 *)matrix_row(rows, 1) = bf16_of(NAN);
    else
        *(real *)matrix_row(rows, 1) = NAN;
}

static void emit_sum(
    const kernel_context *context, const shape *s, const weighted_rows_call *call, check_output *out) {
    matrix y = check_matrix(out, s->tokens, s->width, 2, 4);
    weighted_rows_sum(context, call, y);
    check_emit(out, "y", matrix_real(y), y.rows * y.stride, 1e-4);
}

static void run_all(const kernel_context *context, int number, dtype type, check_output *out) {
    const shape *s = &shapes[number];
    matrix rows = check_converted(out, type, check_matrix(out, s->rows, s->width, 3, 2)),
           dy = check_matrix(out, s->tokens, s->width, 1, 3),
           drows = check_matrix(out, s->rows, s->width, 1, 5);
    weighted_rows_call call = call_of(s, rows, out);
    real *dweight = check_vector(out, s->tokens * s->slots, 6);
    weighted_rows_weight_gradient(context, &call, dy, dweight);
    if (s->zeros) set_nan(rows);
    emit_sum(context, s, &call, out);
    row_pairs pairs = pairs_of(s, call.index, out);
    weighted_rows_gradient(context, &call, &pairs, dy, drows);
    check_emit(out, "dweight", dweight, s->tokens * s->slots, 1e-4);
    check_emit(out, "drows", matrix_real(drows), drows.rows * drows.stride, 1e-4);
}

static void run(const kernel_context *context, int number, check_output *out) {
    run_all(context, number, TYPE_REAL, out);
}

static void run_bf16(const kernel_context *context, int number, check_output *out) {
    run_all(context, number, TYPE_BF16, out);
}

static void run_i8(const kernel_context *context, int number, check_output *out) {
    const shape *s = &shapes[number];
    matrix rows = numbers_of(out, check_matrix(out, s->rows, s->width, 3, 2));
    weighted_rows_call call = call_of(s, rows, out);
    emit_sum(context, s, &call, out);
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

// 2 · (1, -2) + 3 · 0.5 · (2, 4), of rows in either type.
static void rounded_rows_on_known_values(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    kernel_force("ref");
    const bf16 rounded[] = {bf16_of(1), bf16_of(-2), bf16_of(1), bf16_of(2)};
    const int8_t numbers[] = {1, -2, 2, 4};
    const float scale[] = {1, 0.5f};
    const real weight[] = {2, 3};
    const int32_t index[] = {0, 1};
    real y[2], dy[] = {10, 100}, dweight[2];
    weighted_rows_call call = {{(void *)rounded, TYPE_BF16, 2, 2, 2, NULL}, 2, index, weight};
    weighted_rows_sum(&c, &call, matrix_of(y, 1, 2));
    assert_true(y[0] == 5 && y[1] == 2);
    weighted_rows_weight_gradient(&c, &call, matrix_of(dy, 1, 2), dweight);
    assert_true(dweight[0] == -190 && dweight[1] == 210);
    call.rows = (matrix){(void *)numbers, TYPE_I8, 2, 2, 2, scale};
    weighted_rows_sum(&c, &call, matrix_of(y, 1, 2));
    assert_true(y[0] == 5 && y[1] == 2);
    kernel_force(NULL);
    threads_destroy(c.threads);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_on_known_values), cmocka_unit_test(rounded_rows_on_known_values)};
    int failures = cmocka_run_group_tests_name("weighted_rows reference", tests, NULL, NULL);
    const check_operation operations[] = {{"weighted_rows", SHAPES, run},
        {"weighted_rows_bf16", SHAPES, run_bf16}, {"weighted_rows_i8", SHAPES, run_i8}};
    for (int i = 0; i < 3; i++) failures += check_kernels(&operations[i]);
    return failures != 0;
}
