#include "kernels/check_bf16.h"

#include "kernels/layer_norm/layer_norm.h"

typedef struct shape {
    int64_t rows, cols, gap;
} shape;

// The last ones have nine blocks of 64 rows.
static const shape shapes[] = {{0, 3, 0}, {1, 1, 0}, {1, 7, 0}, {3, 8, 1}, {2, 16, 0}, {5, 17, 3}, {4, 31, 0},
    {3, 103, 2}, {64, 24, 0}, {65, 412, 0}, {570, 412, 0}, {577, 41, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void run(const kernel_context *context, int index, check_output *out) {
    shape s = shapes[index];
    matrix x = check_matrix(out, s.rows, s.cols, s.gap, 1),
           y = check_matrix(out, s.rows, s.cols, s.gap + 1, 2);
    for (int64_t i = 0; i < s.rows * x.stride; i++)
        matrix_real(x)[i] += 20; // a mean that a one-pass variance would lose
    layer_norm_call call = {x, check_vector(out, s.cols, 3), check_vector(out, s.cols, 4),
        check_vector(out, s.rows, 5), check_vector(out, s.rows, 6)};
    assert_int_equal(layer_norm_forward(context, &call, y), SIGMOE_OK);
    check_emit_matrix(out, "y", y, 1e-4);
    matrix rounded = check_converted(out, TYPE_BF16, check_matrix(out, s.rows, s.cols, s.gap, 11));
    assert_int_equal(layer_norm_forward(context, &call, rounded), SIGMOE_OK);
    check_emit_any(out, "rounded y", rounded, CHECK_BF16_NEIGHBOURS + 1e-4);
    // The rounding itself is the implementation's own y's.
    for (int64_t i = 0; i < s.rows; i++)
        for (int64_t j = 0; j < s.cols; j++)
            assert_int_equal(
                ((bf16 *)matrix_row(rounded, i))[j], bf16_of((float)((real *)matrix_row(y, i))[j]));
    check_emit(out, "mean", call.mean, s.rows, 1e-5);
    check_emit(out, "rstd", call.rstd, s.rows, 1e-4);

    matrix dy = check_matrix(out, s.rows, s.cols, s.gap, 7), dx = check_matrix(out, s.rows, s.cols, s.gap, 8);
    real *dweight = check_vector(out, s.cols, 9), *dbias = check_vector(out, s.cols, 10);
    assert_int_equal(layer_norm_backward(context, &call, dy, dx, dweight, dbias), SIGMOE_OK);
    check_emit_matrix(out, "dx", dx, 2e-4);
    assert_int_equal(layer_norm_backward(context, &call, dy, (matrix){0}, dweight, dbias), SIGMOE_OK);
    check_emit(out, "dweight", dweight, s.cols, 2e-4);
    check_emit(out, "dbias", dbias, s.cols, 1e-4);
}

static void reference_on_known_values(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("layer norm test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    // Deviations -1, -1, -1, 3: biased variance 3.
    real x[] = {1, 1, 1, 5}, weight[] = {1, 2, 1, -1}, bias[] = {0, 0, 1, 0}, mean, rstd, y[4];
    layer_norm_call call = {matrix_of(x, 1, 4), weight, bias, &mean, &rstd};
    assert_int_equal(layer_norm_forward(&c, &call, matrix_of(y, 1, 4)), SIGMOE_OK);
    const double scale = 1 / sqrt(3 + 1e-5), expected[] = {-scale, -2 * scale, 1 - scale, -3 * scale};
    assert_true(mean == 2 && fabs(rstd - scale) < 1e-7);
    for (int i = 0; i < 4; i++) assert_true(fabs(y[i] - expected[i]) < 1e-6);
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_on_known_values)};
    int failures = cmocka_run_group_tests_name("layer_norm reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"layer_norm", SHAPES, run})) != 0;
}
