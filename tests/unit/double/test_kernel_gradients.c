// Backward passes of the elementary kernels against central differences, in double.
#include "base/random.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "kernels/pointwise/pointwise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static kernel_context context;

static int setup(void **state) {
    (void)state;
    return threads_create(1, &context.threads) != SIGMOE_OK ||
           arena_create("gradient check", &context.scratch) != SIGMOE_OK;
}

static int teardown(void **state) {
    (void)state;
    threads_destroy(context.threads);
    arena_destroy(context.scratch);
    return 0;
}

static void draw(real *x, int count, uint64_t key) {
    random_stream stream = {.seed = 3, .step = key, .layer = 0, .purpose = RANDOM_TEST};
    for (int i = 0; i < count; i++) x[i] = random_normal(stream, (uint64_t)i);
}

// d loss / d x[i] by central differences, against `gradient`, for each element.
static void check_gradient(double (*loss)(void), real *x, int count, const real *gradient) {
    const double h = 1e-5;
    for (int i = 0; i < count; i++) {
        real kept = x[i];
        x[i] = kept + h;
        double above = loss();
        x[i] = kept - h;
        double below = loss();
        x[i] = kept;
        double numeric = (above - below) / (2 * h), size = fabs(numeric) > 1 ? fabs(numeric) : 1;
        if (fabs(numeric - gradient[i]) > 1e-8 * size)
            fail_msg("element %d: %.12g by differences, %.12g by the kernel", i, numeric, gradient[i]);
    }
}

// Losses are Σ probe ⊙ output; the probe is then the gradient of the output.
enum { ROWS = 70, COLS = 5, SIZE = ROWS * COLS };
static real probe[SIZE];

static double probed(const real *y) {
    double sum = 0;
    for (int i = 0; i < SIZE; i++) sum += probe[i] * y[i];
    return sum;
}

static real x[SIZE], weight[COLS], bias[COLS], mean[ROWS], rstd[ROWS];

static layer_norm_call norm_call(void) {
    return (layer_norm_call){matrix_of(x, ROWS, COLS), weight, bias, mean, rstd};
}

static double norm_loss(void) {
    real y[SIZE];
    layer_norm_call call = norm_call();
    assert_int_equal(layer_norm_forward(&context, &call, matrix_of(y, ROWS, COLS)), SIGMOE_OK);
    return probed(y);
}

// More rows than a block has; all three gradients add to what is there.
static void layer_norm_gradients(void **state) {
    (void)state;
    draw(x, SIZE, 1), draw(weight, COLS, 2), draw(bias, COLS, 3), draw(probe, SIZE, 4);
    real dx[SIZE], dweight[COLS], dbias[COLS];
    for (int i = 0; i < SIZE; i++) dx[i] = 10;
    for (int i = 0; i < COLS; i++) dweight[i] = 20, dbias[i] = 30;
    norm_loss();
    layer_norm_call call = norm_call();
    assert_int_equal(layer_norm_backward(&context, &call, matrix_of(probe, ROWS, COLS),
                         matrix_of(dx, ROWS, COLS), dweight, dbias),
        SIGMOE_OK);
    for (int i = 0; i < SIZE; i++) dx[i] -= 10;
    for (int i = 0; i < COLS; i++) dweight[i] -= 20, dbias[i] -= 30;
    check_gradient(norm_loss, x, SIZE, dx);
    check_gradient(norm_loss, weight, COLS, dweight);
    check_gradient(norm_loss, bias, COLS, dbias);
}

static double softmax_loss(void) {
    real y[SIZE];
    memcpy(y, x, sizeof y);
    softmax_rows(&context, matrix_of(y, ROWS, COLS));
    return probed(y);
}

static void softmax_gradients(void **state) {
    (void)state;
    draw(x, SIZE, 5), draw(probe, SIZE, 6);
    real y[SIZE], d[SIZE];
    memcpy(y, x, sizeof y), memcpy(d, probe, sizeof d);
    softmax_rows(&context, matrix_of(y, ROWS, COLS));
    softmax_rows_backward(&context, matrix_of(y, ROWS, COLS), matrix_of(d, ROWS, COLS));
    check_gradient(softmax_loss, x, SIZE, d);
}

static double relu_loss(void) {
    real y[SIZE];
    memcpy(y, x, sizeof y);
    bias_relu(&context, matrix_of(y, ROWS, COLS), bias);
    return probed(y);
}

static void relu_gradients(void **state) {
    (void)state;
    draw(x, SIZE, 7), draw(bias, COLS, 8), draw(probe, SIZE, 9);
    real u[SIZE], d[SIZE], dbias[COLS] = {0};
    memcpy(u, x, sizeof u), memcpy(d, probe, sizeof d);
    bias_relu(&context, matrix_of(u, ROWS, COLS), bias);
    relu_backward(&context, matrix_of(u, ROWS, COLS), matrix_of(d, ROWS, COLS), 1);
    assert_int_equal(add_column_sums(&context, matrix_of(d, ROWS, COLS), dbias), SIGMOE_OK);
    check_gradient(relu_loss, x, SIZE, d);
    check_gradient(relu_loss, bias, COLS, dbias);
}

enum { VOCABULARY = 7 };
static real head[VOCABULARY * COLS], head_bias[VOCABULARY];
static int32_t targets[ROWS];
static double nats[ROWS];

static cross_entropy_call entropy_call(void) {
    return (cross_entropy_call){
        matrix_of(x, ROWS, COLS), matrix_of(head, VOCABULARY, COLS), head_bias, targets, nats};
}

static double entropy_loss(void) {
    cross_entropy_call call = entropy_call();
    assert_int_equal(cross_entropy_forward(&context, &call), SIGMOE_OK);
    double sum = 0;
    for (int i = 0; i < ROWS; i++) sum += nats[i];
    return 0.25 * sum;
}

static void cross_entropy_gradients_agree(void **state) {
    (void)state;
    draw(x, SIZE, 10), draw(head, VOCABULARY * COLS, 11), draw(head_bias, VOCABULARY, 12);
    for (int i = 0; i < ROWS; i++) targets[i] = i * 5 % VOCABULARY;
    real dx[SIZE], dhead[VOCABULARY * COLS], dbias[VOCABULARY];
    for (int i = 0; i < VOCABULARY * COLS; i++) dhead[i] = 1;
    for (int i = 0; i < VOCABULARY; i++) dbias[i] = 2;
    cross_entropy_call call = entropy_call();
    cross_entropy_gradients gradients = {
        0.25, matrix_of(dx, ROWS, COLS), matrix_of(dhead, VOCABULARY, COLS), dbias};
    assert_int_equal(cross_entropy_train(&context, &call, &gradients), SIGMOE_OK);
    for (int i = 0; i < VOCABULARY * COLS; i++) dhead[i] -= 1;
    for (int i = 0; i < VOCABULARY; i++) dbias[i] -= 2;
    check_gradient(entropy_loss, x, SIZE, dx);
    check_gradient(entropy_loss, head, VOCABULARY * COLS, dhead);
    check_gradient(entropy_loss, head_bias, VOCABULARY, dbias);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_gradients),
        cmocka_unit_test(softmax_gradients),
        cmocka_unit_test(relu_gradients),
        cmocka_unit_test(cross_entropy_gradients_agree),
    };
    return cmocka_run_group_tests_name("gradients of kernels", tests, setup, teardown);
}
