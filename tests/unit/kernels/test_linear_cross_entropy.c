#include "kernels/check_bf16.h"

#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

typedef struct shape {
    int64_t rows, width, vocabulary, gap;
} shape;

// In the last ones there are several chunks of rows, the last one short, and at least nine tasks in a chunk.
static const shape shapes[] = {{0, 4, 5, 0}, {1, 1, 1, 0}, {3, 4, 7, 1}, {2, 5, 8, 0}, {5, 3, 16, 2},
    {4, 9, 33, 0}, {7, 12, 205, 0}, {1500, 3, 257, 0}, {39, 2, 131072, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// Each shape with either type of operands.
static void run(const kernel_context *context, int index, check_output *out) {
    shape s = shapes[index % SHAPES];
    dtype type = index < SHAPES ? TYPE_REAL : TYPE_BF16;
    matrix x = check_converted(out, type, check_matrix(out, s.rows, s.width, s.gap, 1));
    matrix weight = check_converted(out, type, check_matrix(out, s.vocabulary, s.width, s.gap, 2));
    int32_t *targets;
    double *nats;
    ARENA_NEW(out->memory, targets, s.rows);
    ARENA_NEW(out->memory, nats, s.rows);
    for (int64_t i = 0; i < s.rows; i++) targets[i] = (int32_t)(i * 7919 % s.vocabulary);
    cross_entropy_call call = {x, weight, check_vector(out, s.vocabulary, 3), targets, nats};
    assert_int_equal(cross_entropy_forward(context, &call), SIGMOE_OK);
    check_emit_double(out, "nats of forward", nats, s.rows, 1e-5);

    cross_entropy_gradients gradients = {.scale = (real)0.5,
        .dx = check_matrix(out, s.rows, s.width, s.gap, 4),
        .dweight = check_matrix(out, s.vocabulary, s.width, s.gap, 5),
        .dbias = check_vector(out, s.vocabulary, 6)};
    assert_int_equal(cross_entropy_train(context, &call, &gradients), SIGMOE_OK);
    check_emit_double(out, "nats of train", nats, s.rows, 1e-5);
    // The gradient of a logit that is rounded to bf16 may come out a neighbour's.
    double tolerance = type == TYPE_BF16 ? CHECK_BF16_NEIGHBOURS : 2e-5;
    check_emit_matrix(out, "dx", gradients.dx, tolerance);
    check_emit_matrix(out, "dweight", gradients.dweight, tolerance);
    check_emit(out, "dbias", gradients.dbias, s.vocabulary, 2e-5);
}

// With equal logits and an x of 1, dweight is the gradient of the logits itself, -1/3 and two of 1/6: rounded, which dbias is
// not.
static void gradients_are_rounded_for_products(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("cross entropy test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    bf16 x[] = {bf16_of(1)}, weight[] = {bf16_of(0), bf16_of(0), bf16_of(0)};
    real bias[3] = {0}, dx[1], dweight[3] = {0}, dbias[3] = {0};
    int32_t targets[] = {0};
    double nats[1];
    cross_entropy_call call = {
        {x, TYPE_BF16, 1, 1, 1, NULL}, {weight, TYPE_BF16, 3, 1, 1, NULL}, bias, targets, nats};
    cross_entropy_gradients g = {(real)0.5, matrix_of(dx, 1, 1), matrix_of(dweight, 3, 1), dbias};
    assert_int_equal(cross_entropy_train(&c, &call, &g), SIGMOE_OK);
    assert_true(fabs(nats[0] - log(3)) < 1e-6 && dx[0] == 0);
    assert_true(fabs(dbias[0] + 1.0 / 3) < 1e-7 && fabs(dbias[1] - 1.0 / 6) < 1e-7);
    for (int i = 0; i < 3; i++) assert_true(dweight[i] == (real)bf16_value(bf16_of((float)dbias[i])));
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

// Logits (0, ln 3) + bias: probabilities 1/4 and 3/4; and logits too large for exp.
static void reference_on_known_values(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("cross entropy test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    real x[] = {0, 1000}, weight[] = {1, 2}, bias[] = {0, logf(3)}, dx[2], dweight[2] = {0}, dbias[2] = {0};
    int32_t targets[] = {0, 0};
    double nats[2];
    cross_entropy_call call = {matrix_of(x, 2, 1), matrix_of(weight, 2, 1), bias, targets, nats};
    cross_entropy_gradients g = {1, matrix_of(dx, 2, 1), matrix_of(dweight, 2, 1), dbias};
    assert_int_equal(cross_entropy_train(&c, &call, &g), SIGMOE_OK);
    assert_true(fabs(nats[0] - log(4)) < 1e-6 && fabs(nats[1] - 1000 - log(3)) < 1e-3);
    // dlogits are (-3/4, 3/4) and (-1, 1).
    assert_true(fabs(dx[0] - 0.75) < 1e-6 && fabs(dx[1] - 1) < 1e-6);
    assert_true(fabs(dweight[0] + 1000) < 1e-3 && fabs(dweight[1] - 1000) < 1e-3);
    assert_true(fabs(dbias[0] + 1.75) < 1e-6 && fabs(dbias[1] - 1.75) < 1e-6);
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_on_known_values), cmocka_unit_test(gradients_are_rounded_for_products)};
    int failures = cmocka_run_group_tests_name("linear_cross_entropy reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"linear_cross_entropy", 2 * SHAPES, run})) != 0;
}
