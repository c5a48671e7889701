// The expert FFN's backward against central differences of its forward, in double: x, weights, biases and the weights of the
// pairs, for every activation, gate and layout.
#include "base/random.h"
#include "kernels/expert_ffn/expert_ffn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 9, SLOTS = 2, EXPERTS = 4, SIZE = 3, WIDTH = 5, OUT = 4, PAIRS = TOKENS * SLOTS };
enum { MOST_CHANNELS = 2 * SIZE, UNPICKED = 2 };
enum { UP = EXPERTS * WIDTH * MOST_CHANNELS, DOWN = EXPERTS * SIZE * OUT };
enum { UP_BIAS = EXPERTS * MOST_CHANNELS, DOWN_BIAS = EXPERTS * OUT };

// What is checked: the form of the experts, and what else the call has.
typedef struct form {
    sigmoe_activation activation;
    sigmoe_gate gate;
    sigmoe_expert_layout layout;
    bool masked, biased, skipping;
} form;

static kernel_context context;
static form now;
static int64_t offset[EXPERTS + 1];
static int32_t pair[PAIRS], position[PAIRS];
static const expert_grouping grouping = {TOKENS, SLOTS, EXPERTS, offset, pair, position};
static real x[TOKENS * WIDTH], up[UP], down[DOWN], up_bias[UP_BIAS], down_bias[DOWN_BIAS], weight[PAIRS],
    mask[PAIRS * SIZE], probe[TOKENS * OUT];
static real before[PAIRS * MOST_CHANNELS], hidden[PAIRS * SIZE];

// The matrices of all experts in the layout that is checked.
static matrix weights_of(real *data, int64_t inputs, int64_t outputs) {
    return now.layout == SIGMOE_EXPERTS_EDG ? matrix_of(data, EXPERTS * inputs, outputs)
                                            : matrix_of(data, EXPERTS * outputs, inputs);
}

static int64_t channels_now(void) {
    return now.gate == SIGMOE_GATE_NONE ? SIZE : 2 * SIZE;
}

static expert_ffn_call call_now(void) {
    int64_t channels = channels_now();
    expert_ffn_call call = {.grouping = &grouping,
        .set = {.experts = EXPERTS,
            .width = WIDTH,
            .expert_size = SIZE,
            .out_width = OUT,
            .activation = now.activation,
            .gate = now.gate,
            .layout = now.layout,
            .up = weights_of(up, WIDTH, channels),
            .down = weights_of(down, SIZE, OUT)},
        .x = matrix_of(x, TOKENS, WIDTH),
        .hidden = matrix_of(hidden, PAIRS, SIZE),
        .weight = weight,
        .mask = now.masked ? mask : NULL};
    if (now.biased) {
        call.set.up_bias = matrix_of(up_bias, EXPERTS, channels);
        call.set.down_bias = matrix_of(down_bias, EXPERTS, OUT);
    }
    if (experts_need_before(&call.set)) call.before = matrix_of(before, PAIRS, channels);
    return call;
}

static void draw(real *values, int count, uint64_t key) {
    random_stream stream = {.seed = 11, .step = key, .layer = 0, .purpose = RANDOM_TEST};
    for (int i = 0; i < count; i++) values[i] = random_normal(stream, (uint64_t)i);
}

static bool skips(int p) {
    return now.skipping && (p % 5 == 3 || p / SLOTS == 4); // among them all pairs of a token
}

// Token t takes experts t mod 3 and t + 1 mod 3 of the three that are picked.
static void group_pairs(void) {
    int64_t n = 0;
    for (int p = 0; p < PAIRS; p++) position[p] = -1;
    for (int e = 0; e < EXPERTS; e++) {
        for (int p = 0; p < PAIRS; p++) {
            int chosen = (p / SLOTS + p % SLOTS) % (EXPERTS - 1);
            if (chosen + (chosen >= UNPICKED) != e || skips(p)) continue;
            position[p] = (int32_t)n;
            pair[n++] = p;
        }
        offset[e + 1] = n;
    }
}

static int setup(void **state) {
    (void)state;
    draw(x, TOKENS * WIDTH, 1), draw(up, UP, 2), draw(down, DOWN, 3), draw(weight, PAIRS, 4);
    draw(mask, PAIRS * SIZE, 5), draw(probe, TOKENS * OUT, 6);
    draw(up_bias, UP_BIAS, 7), draw(down_bias, DOWN_BIAS, 8);
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
    real y[TOKENS * OUT];
    expert_ffn_call call = call_now();
    assert_int_equal(expert_ffn_up(&context, &call), SIGMOE_OK);
    assert_int_equal(expert_ffn_down(&context, &call, matrix_of(y, TOKENS, OUT)), SIGMOE_OK);
    double sum = 0;
    for (int i = 0; i < TOKENS * OUT; i++) sum += probe[i] * y[i];
    return sum;
}

static void check_gradient(const char *name, real *values, int64_t count, const real *gradient) {
    const double h = 1e-5;
    for (int64_t i = 0; i < count; i++) {
        real kept = values[i];
        values[i] = kept + h;
        double above = loss();
        values[i] = kept - h;
        double below = loss();
        values[i] = kept;
        double numeric = (above - below) / (2 * h), size = fabs(numeric) > 1 ? fabs(numeric) : 1;
        if (fabs(numeric - gradient[i]) > 2e-8 * size)
            fail_msg("%s[%lld], activation %d, gate %d, layout %d: %.12g by differences, %.12g by the kernel",
                name, (long long)i, now.activation, now.gate, now.layout, numeric, gradient[i]);
    }
}

typedef struct gradient_set {
    real dx[TOKENS * WIDTH], dup[UP], ddown[DOWN], dup_bias[UP_BIAS], ddown_bias[DOWN_BIAS], dweight[PAIRS];
} gradient_set;

static expert_ffn_gradients gradients_in(gradient_set *g, const expert_ffn_call *call) {
    return (expert_ffn_gradients){.dy = matrix_of(probe, TOKENS, OUT),
        .dx = matrix_of(g->dx, TOKENS, WIDTH),
        .dup = matrix_of(g->dup, call->set.up.rows, call->set.up.cols),
        .ddown = matrix_of(g->ddown, call->set.down.rows, call->set.down.cols),
        .dup_bias = matrix_of(g->dup_bias, EXPERTS, expert_channels(&call->set)),
        .ddown_bias = matrix_of(g->ddown_bias, EXPERTS, OUT),
        .dweight = g->dweight};
}

static void set_all(gradient_set *g, real value) {
    for (size_t i = 0; i < sizeof *g / sizeof(real); i++) ((real *)g)[i] = value;
}

static void check_expert_is(const real *values, int64_t each, int expert, real expected) {
    for (int64_t i = 0; i < each; i++) assert_true(values[expert * each + i] == expected);
}

static void check_all(form f) {
    gradient_set overwritten, added;
    now = f;
    group_pairs();
    loss();
    expert_ffn_call call = call_now();
    int64_t channels = channels_now();
    set_all(&overwritten, NAN);
    expert_ffn_gradients gradients = gradients_in(&overwritten, &call);
    gradients.overwrite = true;
    assert_int_equal(expert_ffn_backward(&context, &call, &gradients), SIGMOE_OK);
    check_gradient("x", x, TOKENS * WIDTH, overwritten.dx);
    check_gradient("W1", up, EXPERTS * WIDTH * channels, overwritten.dup);
    check_gradient("W2", down, DOWN, overwritten.ddown);
    check_gradient("weight", weight, PAIRS, overwritten.dweight);
    if (f.biased) {
        check_gradient("b1", up_bias, EXPERTS * channels, overwritten.dup_bias);
        check_gradient("b2", down_bias, DOWN_BIAS, overwritten.ddown_bias);
    }

    // Gradients of weights and biases are added to, the others are overwritten.
    loss();
    set_all(&added, 16);
    gradients = gradients_in(&added, &call);
    assert_int_equal(expert_ffn_backward(&context, &call, &gradients), SIGMOE_OK);
    check_expert_is(added.dup, WIDTH * channels, UNPICKED, 16);
    check_expert_is(added.ddown, SIZE * OUT, UNPICKED, 16);
    check_expert_is(added.dup_bias, channels, UNPICKED, 16);
    check_expert_is(added.ddown_bias, OUT, UNPICKED, 16);
    assert_memory_equal(added.dx, overwritten.dx, sizeof added.dx);
    assert_memory_equal(added.dweight, overwritten.dweight, sizeof added.dweight);
    for (int i = 0; i < EXPERTS * WIDTH * channels; i++)
        assert_true(fabs(added.dup[i] - 16 - overwritten.dup[i]) < 1e-12);
    for (int i = 0; i < DOWN; i++) assert_true(fabs(added.ddown[i] - 16 - overwritten.ddown[i]) < 1e-12);
}

static void gradients_without_mask(void **state) {
    (void)state;
    check_all((form){.masked = false});
}

static void gradients_with_mask(void **state) {
    (void)state;
    check_all((form){.masked = true});
}

// A weight of 0 stops what flows into the expert, but has a gradient itself.
static void gradients_at_weight_zero(void **state) {
    (void)state;
    for (int p = 0; p < PAIRS; p += 3) weight[p] = 0;
    check_all((form){.masked = true});
    check_all((form){.activation = SIGMOE_SILU, .gate = SIGMOE_GATE_FIRST, .biased = true});
    draw(weight, PAIRS, 4);
}

static void gradients_of_every_form(void **state) {
    (void)state;
    for (int activation = SIGMOE_RELU; activation <= SIGMOE_SILU; activation++)
        for (int gate = SIGMOE_GATE_NONE; gate <= SIGMOE_GATE_INTERLEAVED; gate++)
            for (int layout = SIGMOE_EXPERTS_EDG; layout <= SIGMOE_EXPERTS_EGD; layout++)
                check_all((form){activation, gate, layout, .masked = layout == SIGMOE_EXPERTS_EGD,
                    .biased = true, .skipping = gate != SIGMOE_GATE_FIRST});
}

// Each gradient alone has the bits that it has together with the others, and the others are left as they are.
static void gradients_one_by_one(void **state) {
    (void)state;
    now = (form){SIGMOE_GELU, SIGMOE_GATE_INTERLEAVED, SIGMOE_EXPERTS_EGD, true, true, true};
    group_pairs();
    loss();
    gradient_set all, some;
    expert_ffn_call call = call_now();
    set_all(&all, 3);
    expert_ffn_gradients together = gradients_in(&all, &call);
    assert_int_equal(expert_ffn_backward(&context, &call, &together), SIGMOE_OK);
    const real *whole[] = {all.dx, all.dup, all.ddown, all.dup_bias, all.ddown_bias, all.dweight};
    const real *single[] = {some.dx, some.dup, some.ddown, some.dup_bias, some.ddown_bias, some.dweight};
    const size_t size[] = {sizeof all.dx, sizeof all.dup, sizeof all.ddown, sizeof all.dup_bias,
        sizeof all.ddown_bias, sizeof all.dweight};
    for (int kept = 0; kept < 6; kept++) {
        set_all(&some, 3);
        expert_ffn_gradients g = gradients_in(&some, &call);
        matrix *matrices[] = {&g.dx, &g.dup, &g.ddown, &g.dup_bias, &g.ddown_bias};
        for (int i = 0; i < 5; i++)
            if (i != kept) matrices[i]->data = NULL;
        if (kept != 5) g.dweight = NULL;
        assert_int_equal(expert_ffn_backward(&context, &call, &g), SIGMOE_OK);
        for (int i = 0; i < 6; i++) {
            if (i == kept)
                assert_memory_equal(single[i], whole[i], size[i]);
            else
                for (size_t j = 0; j < size[i] / sizeof(real); j++) assert_true(single[i][j] == 3);
        }
    }
}

// Skipped pairs have a gradient of 0, and a token without any other pair gets y = 0 and dx = 0.
static void skipped_pairs_contribute_nothing(void **state) {
    (void)state;
    now = (form){.biased = true, .skipping = true};
    group_pairs();
    real y[TOKENS * OUT];
    gradient_set g;
    expert_ffn_call call = call_now();
    assert_int_equal(expert_ffn_up(&context, &call), SIGMOE_OK);
    assert_int_equal(expert_ffn_down(&context, &call, matrix_of(y, TOKENS, OUT)), SIGMOE_OK);
    set_all(&g, 5);
    expert_ffn_gradients gradients = gradients_in(&g, &call);
    assert_int_equal(expert_ffn_backward(&context, &call, &gradients), SIGMOE_OK);
    for (int t = 0; t < TOKENS; t++) {
        bool alone = position[t * SLOTS] < 0 && position[t * SLOTS + 1] < 0;
        for (int i = 0; i < OUT; i++) assert_true((y[t * OUT + i] == 0) == alone);
        for (int i = 0; i < WIDTH; i++) assert_true(!alone || g.dx[t * WIDTH + i] == 0);
    }
    for (int p = 0; p < PAIRS; p++) assert_true(position[p] >= 0 || g.dweight[p] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_without_mask),
        cmocka_unit_test(gradients_with_mask), cmocka_unit_test(gradients_at_weight_zero),
        cmocka_unit_test(gradients_of_every_form), cmocka_unit_test(gradients_one_by_one),
        cmocka_unit_test(skipped_pairs_contribute_nothing)};
    return cmocka_run_group_tests_name("expert_ffn gradients", tests, setup, teardown);
}
