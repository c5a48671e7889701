#include "kernels/check_bf16.h"

#include "kernels/adam/adam.h"

// The last has more than nine blocks of 16384.
static const int64_t counts[] = {0, 1, 7, 8, 15, 16, 33, 1000, 16384, 16385, 150001};
enum { SHAPES = sizeof counts / sizeof *counts };

static void run(const kernel_context *context, int shape, check_output *out) {
    int64_t n = counts[shape];
    adam_call call = {.count = n,
        .value = check_vector(out, n, 1),
        .gradient_factor = 0.4,
        .lr = 1e-2,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .weight_decay = shape % 2 ? 0.1 : 0};
    ARENA_NEW(out->memory, call.moment1, n);
    ARENA_NEW(out->memory, call.moment2, n);
    ARENA_NEW(out->memory, call.rounded, n + 1);
    call.rounded[n] = 0x1234;
    for (call.step = 0; call.step < 3; call.step++) {
        real *gradient = check_vector(out, n, 2 + (uint64_t)call.step);
        for (int64_t i = 0; i < n; i += 9) gradient[i] = 0;
        call.gradient = gradient;
        assert_int_equal(adam_update(context, &call), SIGMOE_OK);
    }
    check_emit(out, "value", call.value, n, 1e-6);
    for (int64_t i = 0; i < n; i++) assert_int_equal(call.rounded[i], bf16_of((float)call.value[i]));
    assert_int_equal(call.rounded[n], 0x1234); // nothing behind the end
    check_emit(out, "moment1", call.moment1, n, 1e-7);
    check_emit(out, "moment2", call.moment2, n, 1e-8);

    double sum[3];
    assert_int_equal(sum_of_squares(context, call.value, n, &sum[0]), SIGMOE_OK);
    if (n > 0) call.value[n - 1] = INFINITY;
    assert_int_equal(sum_of_squares(context, call.value, n, &sum[1]), SIGMOE_OK);
    if (n > 0) call.value[n / 2] = NAN;
    assert_int_equal(sum_of_squares(context, call.value, n, &sum[2]), SIGMOE_OK);
    assert_true(n == 0 || isnan(sum[2]));
    check_emit_double(out, "sum of squares", sum, 3, 1e-5);
}

// Three steps of PyTorch's formulas, in double.
static void reference_is_the_formula(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    kernel_force("ref");
    real value = 0.7f, m = 0, v = 0;
    double value_d = value, m_d = 0, v_d = 0;
    const double lr = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.05, factor = 0.5;
    for (int t = 1; t <= 3; t++) {
        real g = 0.3f * (real)t - 0.5f;
        adam_call call = {1, &value, &g, &m, &v, factor, lr, beta1, beta2, epsilon, decay, t - 1, NULL};
        assert_int_equal(adam_update(&c, &call), SIGMOE_OK);
        double clipped = g * factor;
        value_d *= 1 - lr * decay;
        m_d += (1 - beta1) * (clipped - m_d);
        v_d = beta2 * v_d + (1 - beta2) * clipped * clipped;
        value_d -= lr / (1 - pow(beta1, t)) * m_d / (sqrt(v_d) / sqrt(1 - pow(beta2, t)) + epsilon);
        assert_true(fabs(value - value_d) < 2e-7);
    }
    kernel_force(NULL);
    threads_destroy(c.threads);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_is_the_formula)};
    int failures = cmocka_run_group_tests_name("adam reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"adam", SHAPES, run})) != 0;
}
