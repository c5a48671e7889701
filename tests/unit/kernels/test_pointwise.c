#include "kernels/check_bf16.h"

#include "kernels/pointwise/pointwise.h"

typedef struct shape {
    int64_t rows, cols, gap;
} shape;

// The last ones have at least nine blocks of 16384 elements, and of 64 x 1024 for the column sums.
static const shape shapes[] = {{0, 3, 0}, {3, 0, 1}, {1, 1, 0}, {1, 7, 0}, {3, 8, 0}, {2, 16, 3}, {5, 17, 0},
    {4, 31, 2}, {3, 64, 0}, {7, 103, 5}, {1, 20011, 0}, {10, 16400, 0}, {590, 412, 0}, {197, 2053, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// Some entries that passes treat apart.
static matrix input(check_output *out, shape s, uint64_t key) {
    matrix m = check_matrix(out, s.rows, s.cols, s.gap, key);
    for (int64_t i = 0; i < s.rows * m.stride; i += 5) matrix_real(m)[i] = i % 2 ? 0 : (real)-0.0;
    return m;
}

static void run_elementwise(const kernel_context *context, shape s, check_output *out) {
    const real *bias = check_vector(out, s.cols, 1);
    matrix x = input(out, s, 2), u = input(out, s, 3), y = input(out, s, 4);
    bias_relu(context, x, bias);
    check_emit_matrix(out, "bias_relu", x, 0);
    bias_relu(context, u, NULL);
    check_emit_matrix(out, "relu", u, 0);
    relu_backward(context, u, y, 1.25f);
    check_emit_matrix(out, "relu_backward", y, 0);
    add_bias(context, y, bias);
    add_into(context, y, x);
    check_emit_matrix(out, "add", y, 0);
    copy_into(context, u, y);
    check_emit_matrix(out, "copy", u, 0);
    fill(context, u, (real)1.5);
    check_emit_matrix(out, "fill", u, 0);
}

static void run_dropout(const kernel_context *context, shape s, check_output *out) {
    static const double p[] = {0.1, 0.5, 1.0, 0.0, 1e-12};
    for (int i = 0; i < 5; i++) {
        random_stream stream = {0x123456789abcdefu, 0x100000001u * (uint64_t)i, 3, RANDOM_DROPOUT_FF};
        matrix x = check_matrix(out, s.rows, s.cols, s.gap, 5);
        // Within the larger shapes the number of the block of four passes 2^32; each start lies differently in its block.
        dropout(context, x, p[i], stream, ((uint64_t)1 << 34) - 64 + (uint64_t)i);
        check_emit_matrix(out, "dropout", x, 0);
    }
}

// Numbers that rounding treats apart: infinities, NaN (one that only its lowest bits tell from infinity), the largest
// float, ties, a subnormal.
static void put_special(matrix m) {
    const uint32_t bits[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xff800001, 0x7fffffff, 0x7f7fffff,
        0x3f808000, 0x3f818000, 0x3f808001, 0x00018000, 0x80000001};
    for (int64_t i = 0; i < (int64_t)(sizeof bits / sizeof *bits) && 7 * i < m.rows * m.stride; i++)
        memcpy(matrix_real(m) + 7 * i, &bits[i], sizeof *bits);
}

static void run_bf16(const kernel_context *context, shape s, check_output *out) {
    matrix x = input(out, s, 9), wide = input(out, s, 10);
    matrix rounded = check_converted(out, TYPE_BF16, wide);
    put_special(x);
    copy_into(context, rounded, x);
    check_emit_any(out, "rounded", rounded, 0);
    copy_into(context, wide, rounded);
    check_emit_any(out, "widened", wide, 0);

    matrix u = check_converted(out, TYPE_BF16, input(out, s, 11));
    matrix du = check_converted(out, TYPE_BF16, input(out, s, 12));
    copy_into(context, rounded, du);
    check_emit_any(out, "copy of bf16", rounded, 0);
    relu_backward(context, u, du, (real)1.25);
    check_emit_any(out, "relu_backward of bf16", du, 0);
    dropout(context, u, 0.3, (random_stream){1, 2, 3, RANDOM_DROPOUT_FF}, 5);
    check_emit_any(out, "dropout of bf16", u, 0);
    real *sum = check_vector(out, s.cols, 13);
    assert_int_equal(add_column_sums(context, u, sum), SIGMOE_OK);
    check_emit(out, "column sums of bf16", sum, s.cols, 1e-5);
}

static void run_sums(const kernel_context *context, shape s, check_output *out) {
    matrix x = input(out, s, 6), d = input(out, s, 7);
    real *sum = check_vector(out, s.cols, 8);
    assert_int_equal(add_column_sums(context, x, sum), SIGMOE_OK);
    check_emit(out, "column sums", sum, s.cols, 1e-5);
    if (s.cols > 3) matrix_real(x)[0] = -INFINITY, matrix_real(x)[1] = 60;
    softmax_rows(context, x);
    check_emit_matrix(out, "softmax", x, 1e-6);
    softmax_rows_backward(context, x, d);
    check_emit_matrix(out, "softmax_backward", d, 1e-6);
}

static void run_real(const kernel_context *context, shape s, check_output *out) {
    run_elementwise(context, s, out);
    run_dropout(context, s, out);
    run_sums(context, s, out);
}

// Each shape with either type.
static void run(const kernel_context *context, int index, check_output *out) {
    (index < SHAPES ? run_real : run_bf16)(context, shapes[index % SHAPES], out);
}

static kernel_context reference_context(void) {
    kernel_context c;
    kernel_force("ref");
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("pointwise test", &c.scratch), SIGMOE_OK);
    return c;
}

static void release(kernel_context c) {
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
    kernel_force(NULL);
}

static void reference_on_known_values(void **state) {
    (void)state;
    kernel_context c = reference_context();
    real x[] = {-1, 2, 0.5, -3}, bias[] = {1.5, -4}, u[] = {0, 1, 2, 0}, sum[] = {10, 20};
    bias_relu(&c, matrix_of(x, 2, 2), bias);
    const real relu[] = {0.5, 0, 2, 0};
    assert_memory_equal(x, relu, sizeof relu);
    assert_int_equal(add_column_sums(&c, matrix_of(x, 2, 2), sum), SIGMOE_OK);
    assert_true(sum[0] == 12.5 && sum[1] == 20);
    relu_backward(&c, matrix_of(u, 1, 4), matrix_of(x, 1, 4), 1);
    assert_true(x[0] == 0 && x[2] == 2);
    real logits[] = {0, logf(3), 1000, 1000};
    softmax_rows(&c, matrix_of(logits, 2, 2));
    assert_true(fabsf(logits[0] - 0.25f) < 1e-6f && fabsf(logits[1] - 0.75f) < 1e-6f);
    assert_true(logits[2] == 0.5f && logits[3] == 0.5f);
    release(c);
}

static void bf16_is_widened_and_rounded(void **state) {
    (void)state;
    kernel_context c = reference_context();
    // Ties go to even; above the tie, up; a NaN stays one, quiet.
    real x[] = {(real)(1 + 0x1p-8), (real)(1 + 0x3p-8), (real)(1 + 0x1.8p-8), -3, (real)NAN};
    const bf16 expected[] = {0x3f80, 0x3f82, 0x3f81, 0xc040, 0x7fc0};
    bf16 y[5], u[] = {0x3f80, 0x8000, 0x3f80, 0x3f80, 0x3f80};
    real sum[5] = {1};
    matrix m = {y, TYPE_BF16, 1, 5, 5, NULL};
    copy_into(&c, m, matrix_of(x, 1, 5));
    assert_memory_equal(y, expected, sizeof y);
    relu_backward(&c, (matrix){u, TYPE_BF16, 1, 5, 5, NULL}, m, (real)0.5);
    assert_true(y[0] == 0x3f00 && y[1] == 0 && y[3] == 0xbfc0 && y[4] == 0x7fc0);
    assert_int_equal(add_column_sums(&c, m, sum), SIGMOE_OK);
    assert_true(sum[0] == 1.5 && sum[1] == 0 && sum[3] == -1.5 && isnan(sum[4]));
    release(c);
}

static void dropout_is_random_dropout(void **state) {
    (void)state;
    enum { ROWS = 9, COLS = 103 };
    kernel_context c = reference_context();
    random_stream stream = {5, 6, 7, RANDOM_DROPOUT_FINAL};
    real x[ROWS * COLS], factors[ROWS * COLS];
    kernel_force(NULL); // whatever is best here
    // The second p is one element's own number, which must just be kept.
    const double p[] = {0.3, random_uniform(stream, 11 + 400)};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < ROWS * COLS; i++) x[i] = 1;
        dropout(&c, matrix_of(x, ROWS, COLS), p[k], stream, 11);
        random_dropout(stream, 11, ROWS * COLS, p[k], factors);
        assert_memory_equal(x, factors, sizeof x);
    }
    assert_true(x[400] > 0);
    release(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_on_known_values),
        cmocka_unit_test(bf16_is_widened_and_rounded),
        cmocka_unit_test(dropout_is_random_dropout),
    };
    if (cpu_init() != SIGMOE_OK) return 1;
    int failures = cmocka_run_group_tests_name("pointwise reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"pointwise", 2 * SHAPES, run})) != 0;
}
