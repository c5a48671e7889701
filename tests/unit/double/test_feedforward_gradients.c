// Every feedforward variant, router and regularizer against central differences, in double precision. The registries are
// iterated, so a new router is held to the same; a new variant needs its options here, and the test says so.
#include "model/feedforward/regularizers.h"
#include "model/feedforward/router_names.h"
#include "model/feedforward/routers.h"
#include "model/feedforward/registry.h"
#include "model/feedforward_block.h"
#include "model/feedforward/router.h"

// The steps are small enough for the difference's own error to stay below the tolerance, and large enough for rounding.
static const double STEP = 4e-6, TOLERANCE = 2e-6, ABSOLUTE = 2e-8;
enum { DRAWS = 6, TOKENS = 9, D_MODEL = 6 };

typedef enum verdict { RIGHT, WRONG, NOT_SMOOTH } verdict;

static double difference(block *b, real *value, double step) {
    real held = *value;
    *value = (real)(held + step);
    double above = block_objective(b);
    *value = (real)(held - step);
    double below = block_objective(b);
    *value = held;
    return (above - below) / (2 * step);
}

static bool agree(double a, double b) {
    return fabs(a - b) <= TOLERANCE * fmax(fabs(a), fabs(b)) + ABSOLUTE;
}

// A ReLU's corner or a change of a choice between the points shows in steps of different sizes that disagree, or in
// different slopes to the left and to the right. What is smooth shows in neither.
static bool is_smooth(block *b, real *value) {
    double wide = difference(b, value, STEP), narrow = difference(b, value, STEP / 8);
    if (!agree(wide, narrow)) return false;
    real held = *value;
    double here = block_objective(b);
    *value = (real)(held + STEP);
    double right = (block_objective(b) - here) / STEP;
    *value = (real)(held - STEP);
    double left = (here - block_objective(b)) / STEP;
    *value = held;
    return fabs(right - left) <= 1e-3 * (1 + fabs(wide));
}

static verdict check_values(block *b, const char *name, real *value, const real *gradient, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        double numeric = difference(b, &value[i], STEP);
        if (agree(numeric, gradient[i])) continue;
        if (!is_smooth(b, &value[i])) return NOT_SMOOTH;
        print_message(
            "%s[%lld]: %.12g, but by differences %.12g\n", name, (long long)i, gradient[i], numeric);
        return WRONG;
    }
    return RIGHT;
}

// One draw: all of x and all tensors.
static verdict check_draw(block *b) {
    block_forward(b);
    block_backward(b);
    block_release(b);
    verdict result = check_values(b, "x", matrix_real(b->x), matrix_real(b->dx), b->x.rows * b->x.cols);
    for (int i = 1; i < parameters_length(b->list) && result == RIGHT; i++) {
        parameter *p = parameters_at(b->list, i);
        if (p->trainable) result = check_values(b, p->name, p->value, p->gradient, p->count);
    }
    return result;
}

// A draw with a corner within a step proves nothing and is drawn again, not passed.
static verdict check_block(block *b) {
    verdict result = NOT_SMOOTH;
    for (uint64_t draw = 1; draw <= DRAWS && result == NOT_SMOOTH; draw++) {
        block_draw(b, draw);
        result = check_draw(b);
    }
    return result;
}

static void assert_gradients(
    const char *what, const ff_variant *variant, ff_options options, double dropout, bool training) {
    block b = block_open(variant, options, block_around(D_MODEL, dropout), TOKENS, 1);
    b.step.training = training;
    verdict result = check_block(&b);
    block_close(&b);
    if (result != RIGHT)
        fail_msg(
            "%s, %s: gradients are wrong, or no draw was smooth", what, training ? "training" : "inference");
}

static void two_layer_gradients(const ff_variant *variant, const ff_options *options, int count) {
    for (int i = 0; i < count; i++) {
        assert_gradients(variant->name, variant, options[i], 0.3, true);
        assert_gradients(variant->name, variant, options[i], 0.3, false);
    }
}

static void dense_gradients(const ff_variant *variant) {
    two_layer_gradients(variant, &(ff_options){.dense = {.d_ff = 13}}, 1);
}

static void topk_gradients(const ff_variant *variant) {
    const ff_options options[] = {
        {.topk = {.d_ff = 13, .k = 4}},
        {.topk = {.d_ff = 13, .k = 4, .norm_compensation = true}},
        {.topk = {.d_ff = 13, .k = 1}},
        {.topk = {.d_ff = 13, .k = 13}},
    };
    two_layer_gradients(variant, options, sizeof options / sizeof *options);
}

static void pkm_gradients(const ff_variant *variant) {
    const int64_t knn[] = {1, 2, 3, 4, 50};
    for (int activation = PKM_RELU; activation <= PKM_SOFTMAX; activation++)
        for (size_t i = 0; i < sizeof knn / sizeof *knn; i++) {
            ff_options options = {
                .pkm = {.n_heads = 2, .n_subkeys = 4, .knn = knn[i], .activation = activation}};
            assert_gradients(variant->name, variant, options, 0.3, true);
        }
}

// What may be combined with a router and a regularizer.
static const struct mode {
    const char *name;
    int64_t channels_kept;
    double dropout, expert_dropout;
    int64_t k;
} modes[] = {
    {.name = "plain", .k = 2},
    {.name = "one expert", .k = 1},
    {.name = "all experts", .k = 5},
    {.name = "channels_kept", .k = 2, .channels_kept = 4},
    {.name = "dropout", .k = 2, .dropout = 0.4},
    {.name = "expert dropout", .k = 2, .expert_dropout = 0.5},
    {.name = "everything", .k = 3, .channels_kept = 5, .dropout = 0.3, .expert_dropout = 0.4},
};

static int moe_mode_gradients(const ff_variant *variant, int r, int regularizer, const struct mode *mode) {
    ff_options options = {.moe = {.n_experts = 5,
                              .expert_size = 3,
                              .k = mode->k,
                              .router = r,
                              .expert_dropout = mode->expert_dropout,
                              .dropout = mode->dropout,
                              .regularizer = regularizer,
                              .regularizer_weight = 0.7,
                              .channels_kept = mode->channels_kept}};
    ff_surroundings around = block_around(D_MODEL, 0.3);
    if (variant->check(&options, &around) != SIGMOE_OK) return 0;
    char what[128];
    snprintf(
        what, sizeof what, "moe, %s, %s, %s", router_names[r], regularizer_names[regularizer], mode->name);
    assert_gradients(what, variant, options, 0.3, true);
    if (regularizer == REGULARIZER_NONE) assert_gradients(what, variant, options, 0.3, false);
    return 1;
}

static void moe_gradients(const ff_variant *variant) {
    for (int r = 0; router_names[r]; r++) {
        int checked = 0;
        for (int regularizer = 0; regularizer_names[regularizer]; regularizer++)
            for (size_t m = 0; m < sizeof modes / sizeof *modes; m++)
                checked += moe_mode_gradients(variant, r, regularizer, &modes[m]);
        print_message("%s: %d combinations\n", router_names[r], checked);
        assert_true(checked >= (router_at(r)->learned ? 25 : 5));
    }
}

static void test_every_variant(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*check)(const ff_variant *variant);
    } checks[] = {
        {"dense", dense_gradients}, {"topk", topk_gradients}, {"pkm", pkm_gradients}, {"moe", moe_gradients}};
    const ff_variant *variant;
    for (int i = 0; (variant = ff_variant_at(i)); i++) {
        bool known = false;
        for (size_t c = 0; c < sizeof checks / sizeof *checks; c++)
            if (strcmp(checks[c].name, variant->name) == 0) {
                checks[c].check(variant);
                known = true;
            }
        if (!known) fail_msg("ff.type %s has no gradient check: add its options here", variant->name);
    }
}

// ---------------------------------------------------------------- the check itself

// Errors as one would make them. Each is a backward that calls the right one first.
static void scale_tensor(const ff_layer *layer, const char *name, real factor) {
    for (int i = 0; i < parameters_length(layer->parameters); i++) {
        parameter *p = parameters_at(layer->parameters, i);
        if (!strstr(p->name, name)) continue;
        for (int64_t j = 0; j < p->count; j++) p->gradient[j] *= factor;
    }
}

static const ff_variant *original;

static sigmoe_status scaled_weights(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    TRY(original->backward(layer, step, saved, x, dy, dx));
    scale_tensor(layer, "experts.down", 1.01);
    return SIGMOE_OK;
}

static sigmoe_status no_router_gradient(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    TRY(original->backward(layer, step, saved, x, dy, dx));
    scale_tensor(layer, "router.weight", 0);
    return SIGMOE_OK;
}

static sigmoe_status one_wrong_input(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    TRY(original->backward(layer, step, saved, x, dy, dx));
    matrix_real(dx)[dx.rows * dx.cols - 1] += 1e-5;
    return SIGMOE_OK;
}

static sigmoe_status forgotten_training(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    step->training = false;
    sigmoe_status status = original->backward(layer, step, saved, x, dy, dx);
    step->training = true;
    return status;
}

static verdict check_with(const char *variant_name, ff_options options, double dropout,
    sigmoe_status (*backward)(const ff_layer *, step_context *, void *, matrix, matrix, matrix)) {
    original = ff_variant_named(variant_name);
    ff_variant planted = *original;
    planted.backward = backward;
    block b = block_open(&planted, options, block_around(D_MODEL, dropout), TOKENS, 1);
    verdict result = check_block(&b);
    block_close(&b);
    return result;
}

static void test_planted_errors_are_caught(void **state) {
    (void)state;
    ff_options moe = moe_block("sigmoid", 5, 3, 2);
    assert_int_equal(check_with("moe", moe, 0, ff_variant_named("moe")->backward), RIGHT);
    assert_int_equal(check_with("moe", moe, 0, scaled_weights), WRONG);
    assert_int_equal(check_with("moe", moe, 0, no_router_gradient), WRONG);
    assert_int_equal(check_with("moe", moe, 0, one_wrong_input), WRONG);
    // In a dense block the training flag decides on the factor of the dropout's backward.
    assert_int_equal(
        check_with("dense", (ff_options){.dense = {.d_ff = 13}}, 0.3, forgotten_training), WRONG);
}

// A block that is not smooth where it is evaluated must be reported as such, not as right or wrong.
static sigmoe_status jumping_forward(
    const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    TRY(original->forward(layer, step, x, y, saved));
    static uint64_t calls;
    matrix_real(y)[0] += calls++ % 3 == 0 ? 1e-3 : 0;
    return SIGMOE_OK;
}

static void test_corners_are_told_from_errors(void **state) {
    (void)state;
    original = ff_variant_named("dense");
    ff_variant jumping = *original;
    jumping.forward = jumping_forward;
    block b = block_open(&jumping, (ff_options){.dense = {.d_ff = 5}}, block_around(D_MODEL, 0), TOKENS, 1);
    assert_int_equal(check_block(&b), NOT_SMOOTH);
    block_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted_errors_are_caught),
        cmocka_unit_test(test_corners_are_told_from_errors),
        cmocka_unit_test(test_every_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
