// The expert FFN's backward against central differences of its forward, in double: x, W1, W2 and the weights of the pairs.
#include "base/random.h"
#include "kernels/expert_ffn/expert_ffn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 9, SLOTS = 2, EXPERTS = 4, SIZE = 3, WIDTH = 5, PAIRS = TOKENS * SLOTS };
enum { UNPICKED = 2, WEIGHTS = EXPERTS * SIZE * WIDTH };

static kernel_context context;
static int64_t offset[EXPERTS + 1];
static int32_t pair[PAIRS], position[PAIRS];
static const expert_grouping grouping = {TOKENS, SLOTS, EXPERTS, offset, pair, position};
static real x[TOKENS * WIDTH], up[WEIGHTS], down[WEIGHTS], weight[PAIRS], hidden[PAIRS * SIZE],
    mask[PAIRS * SIZE], probe[TOKENS * WIDTH];
static bool masked;

static expert_ffn_call call_now(void) {
    return (expert_ffn_call){&grouping, WIDTH, SIZE, matrix_of(x, TOKENS, WIDTH),
        matrix_of(up, EXPERTS * WIDTH, SIZE), matrix_of(down, EXPERTS * SIZE, WIDTH),
        matrix_of(hidden, PAIRS, SIZE), weight, masked ? mask : NULL};
}

static void draw(real *values, int count, uint64_t key) {
    random_stream stream = {.seed = 11, .step = key, .layer = 0, .purpose = RANDOM_TEST};
    for (int i = 0; i < count; i++) values[i] = random_normal(stream, (uint64_t)i);
}

// Token t takes experts t mod 3 and t + 1 mod 3 of the three that are picked.
static void group_pairs(void) {
    int64_t n = 0;
    for (int e = 0; e < EXPERTS; e++) {
        for (int p = 0; p < PAIRS; p++) {
            int chosen = (p / SLOTS + p % SLOTS) % (EXPERTS - 1);
            if (chosen + (chosen >= UNPICKED) != e) continue;
            position[p] = (int32_t)n;
            pair[n++] = p;
        }
        offset[e + 1] = n;
    }
}

static int setup(void **state) {
    (void)state;
    group_pairs();
    draw(x, TOKENS * WIDTH, 1), draw(up, WEIGHTS, 2), draw(down, WEIGHTS, 3), draw(weight, PAIRS, 4);
    draw(mask, PAIRS * SIZE, 5), draw(probe, TOKENS * WIDTH, 6);
    return threads_create(1, &context.threads) != SIGMOE_OK ||
           arena_create("gradient check", &context.scratch) != SIGMOE_OK;
}

static int teardown(void **state) {
    (void)state;
    threads_destroy(context.threads);
    arena_destroy(context.scratch);
    return 0;
}

// Σ probe ⊙ y: the probe is y's gradient.
static double loss(void) {
    real y[TOKENS * WIDTH];
    expert_ffn_call call = call_now();
    assert_int_equal(expert_ffn_up(&context, &call), SIGMOE_OK);
    assert_int_equal(expert_ffn_down(&context, &call, matrix_of(y, TOKENS, WIDTH)), SIGMOE_OK);
    double sum = 0;
    for (int i = 0; i < TOKENS * WIDTH; i++) sum += probe[i] * y[i];
    return sum;
}

static void check_gradient(const char *name, real *values, int count, const real *gradient) {
    const double h = 1e-5;
    for (int i = 0; i < count; i++) {
        real kept = values[i];
        values[i] = kept + h;
        double above = loss();
        values[i] = kept - h;
        double below = loss();
        values[i] = kept;
        double numeric = (above - below) / (2 * h), size = fabs(numeric) > 1 ? fabs(numeric) : 1;
        if (fabs(numeric - gradient[i]) > 1e-8 * size)
            fail_msg("%s[%d]: %.12g by differences, %.12g by the kernel", name, i, numeric, gradient[i]);
    }
}

static void check_all(void) {
    real dx[TOKENS * WIDTH], dup[WEIGHTS], ddown[WEIGHTS], dweight[PAIRS];
    for (int i = 0; i < WEIGHTS; i++) dup[i] = 10, ddown[i] = 20; // accumulated; the others are overwritten
    loss();
    expert_ffn_call call = call_now();
    expert_ffn_gradients gradients = {
        matrix_of(probe, TOKENS, WIDTH), matrix_of(dx, TOKENS, WIDTH), dup, ddown, dweight};
    assert_int_equal(expert_ffn_backward(&context, &call, &gradients), SIGMOE_OK);
    for (int i = 0; i < SIZE * WIDTH; i++) {
        int unpicked = UNPICKED * SIZE * WIDTH + i;
        assert_true(dup[unpicked] == 10 && ddown[unpicked] == 20);
    }
    for (int i = 0; i < WEIGHTS; i++) dup[i] -= 10, ddown[i] -= 20;
    check_gradient("x", x, TOKENS * WIDTH, dx);
    check_gradient("W1", up, WEIGHTS, dup);
    check_gradient("W2", down, WEIGHTS, ddown);
    check_gradient("weight", weight, PAIRS, dweight);
}

static void gradients_without_mask(void **state) {
    (void)state;
    masked = false;
    check_all();
}

static void gradients_with_mask(void **state) {
    (void)state;
    masked = true;
    check_all();
}

// A weight of 0 stops what flows into the expert, but has a gradient itself.
static void gradients_at_weight_zero(void **state) {
    (void)state;
    masked = true;
    for (int p = 0; p < PAIRS; p += 3) weight[p] = 0;
    check_all();
    draw(weight, PAIRS, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_without_mask),
        cmocka_unit_test(gradients_with_mask), cmocka_unit_test(gradients_at_weight_zero)};
    return cmocka_run_group_tests_name("expert_ffn gradients", tests, setup, teardown);
}
