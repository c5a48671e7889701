// What every variant owes its callers: equal bits at any thread count, exact zeros for what is not used, sums in the
// gradients, honest sizes and counts, and sentences for options that do not fit together.
#include "model/feedforward/router_names.h"
#include "model/feedforward/regularizers.h"
#include "model/feedforward/routers.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router.h"
#include "model/feedforward/token_grouping.h"
#include "model/feedforward_block.h"

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g is not %.9g", value, expected);
}

// Every variant with all that it can do, and the MoE with every router.
static bool case_at(int index, const ff_variant **variant, ff_options *options) {
    const ff_options others[] = {
        {.dense = {.d_ff = 50}},
        {.topk = {.d_ff = 50, .k = 7, .norm_compensation = true}},
        {.pkm = {.n_heads = 2, .n_subkeys = 9, .knn = 4, .activation = PKM_SOFTMAX}},
        {.pkm = {.n_heads = 2, .n_subkeys = 9, .knn = 9, .activation = PKM_RELU}},
    };
    const char *const names[] = {"dense", "topk", "pkm", "pkm"};
    const int count = sizeof others / sizeof *others;
    if (index < count) {
        *options = others[index];
        *variant = ff_variant_named(names[index]);
        return true;
    }
    const router *kind = router_at(index - count);
    if (!kind) return false;
    *variant = ff_variant_named("moe");
    *options = moe_block(router_names[index - count], 7, 16, 3);
    options->moe.channels_kept = 20;
    options->moe.dropout = 0.2;
    if (kind->expert_dropout) options->moe.expert_dropout = 0.2;
    if (kind->learned) options->moe.regularizer = index % 2 ? REGULARIZER_CV : REGULARIZER_ENTROPY;
    options->moe.regularizer_weight = 0.1;
    return true;
}

// ---------------------------------------------------------------- threads

typedef struct outcome {
    double regularizer;
    int64_t count;
    real *values; // y, dx, all gradients
} outcome;

static outcome run_with(const ff_variant *variant, ff_options options, int workers) {
    enum { TOKENS = 700, D = 40 }; // several blocks a thread of every kind of block
    block b = block_open(variant, options, block_around(D, 0.2), TOKENS, workers);
    block_forward(&b);
    block_backward(&b);
    outcome out = {b.step.regularizer, 2 * TOKENS * D + parameters_count(b.list), NULL};
    real *to = out.values = calloc((size_t)out.count, sizeof(real));
    memcpy(to, matrix_real(b.y), TOKENS * D * sizeof(real));
    memcpy(to + TOKENS * D, matrix_real(b.dx), TOKENS * D * sizeof(real));
    to += 2 * TOKENS * D;
    for (int i = 0; i < parameters_length(b.list); i++) {
        const parameter *p = parameters_at(b.list, i);
        if (!p->trainable) continue;
        memcpy(to, p->gradient, (size_t)p->count * sizeof(real));
        to += p->count;
    }
    block_close(&b);
    return out;
}

static void test_equal_bits_at_any_thread_count(void **state) {
    (void)state;
    const ff_variant *variant;
    ff_options options;
    for (int i = 0; case_at(i, &variant, &options); i++) {
        outcome one = run_with(variant, options, 1);
        for (int workers = 2; workers <= 3; workers++) {
            outcome more = run_with(variant, options, workers);
            assert_memory_equal(one.values, more.values, (size_t)one.count * sizeof(real));
            assert_true(one.regularizer == more.regularizer);
            free(more.values);
        }
        free(one.values);
    }
}

// ---------------------------------------------------------------- what is not used

static void assert_zero(const real *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) assert_true(x[i] == 0);
}

static void assert_finite(const block *b) {
    for (int64_t i = 0; i < b->y.rows * b->y.cols; i++)
        assert_true(isfinite(matrix_real(b->y)[i]) && isfinite(matrix_real(b->dx)[i]));
    for (int i = 0; i < parameters_length(b->list); i++) {
        const parameter *p = parameters_at(b->list, i);
        for (int64_t j = 0; p->trainable && j < p->count; j++) assert_true(isfinite(p->gradient[j]));
    }
}

static void test_experts_without_tokens(void **state) {
    (void)state;
    enum { D = 8, LAST = 6 };
    for (int i = 0; router_at(i); i++) {
        bool learned = router_at(i)->learned;
        for (int regularizer = 0; regularizer_names[regularizer]; regularizer++) {
            if (!learned && regularizer != REGULARIZER_NONE) continue;
            if (strcmp(router_names[i], "random") == 0) continue; // it leaves no expert out for long
            ff_options options = moe_block(router_names[i], LAST + 1, 5, 2);
            options.moe.regularizer = regularizer;
            options.moe.regularizer_weight = 0.5;
            block b = block_open(ff_variant_named("moe"), options, block_around(D, 0), 30, 2);
            b.step.training = strcmp(router_names[i], "sinkhorn") != 0; // which would give it tokens
            for (int64_t t = 0; t < 30; t++) matrix_real(b.x)[t * D] = 1;
            if (learned) block_tensor(&b, "router.weight")->value[LAST * D] = -30;
            for (int v = 0; !learned && v < BLOCK_VOCABULARY; v++)
                for (int k = 0; k < 2; k++) block_tensor(&b, "router.table")->table[2 * v + k] = k;
            block_forward(&b);
            block_backward(&b);
            assert_finite(&b);
            assert_zero(block_tensor(&b, "experts.up")->gradient + LAST * D * 5, D * 5);
            assert_zero(block_tensor(&b, "experts.down")->gradient + LAST * D * 5, D * 5);
            block_close(&b);
        }
    }
}

// Gradients are added to what is there; without keep nothing stays behind, and y is the same.
static void test_gradients_accumulate_and_nothing_stays(void **state) {
    (void)state;
    const ff_variant *variant;
    ff_options options;
    for (int i = 0; case_at(i, &variant, &options); i++) {
        block b = block_open(variant, options, block_around(8, 0.2), 40, 2);
        block_forward(&b);
        block_backward(&b);
        parameter *last = parameters_at(b.list, parameters_length(b.list) - 1);
        real *once = calloc((size_t)last->count, sizeof(real)), *y = calloc(40 * 8, sizeof(real));
        memcpy(once, last->gradient, (size_t)last->count * sizeof(real));
        memcpy(y, matrix_real(b.y), 40 * 8 * sizeof(real));
        block_release(&b);
        block_forward(&b);
        must(variant->backward(&b.layer, &b.step, b.saved, b.x, b.dy, b.dx));
        for (int64_t j = 0; j < last->count; j++)
            assert_near(last->gradient[j], 2 * (double)once[j], 1e-5 * (1 + fabs((double)once[j])));
        block_release(&b);
        b.step.keep = false;
        block_forward(&b);
        assert_int_equal(arena_bytes(b.step.activations), 0);
        assert_memory_equal(matrix_real(b.y), y, 40 * 8 * sizeof(real));
        block_release(&b);
        free(once), free(y);
        block_close(&b);
    }
}

// Inputs that are not numbers lead to no index out of range, and spoil no other token's output.
static void test_strange_inputs(void **state) {
    (void)state;
    enum { TOKENS = 40, D = 8 };
    const real strange[] = {(real)NAN, (real)INFINITY, -(real)INFINITY};
    const ff_variant *variant;
    ff_options options;
    for (int i = 0; case_at(i, &variant, &options); i++) {
        block b = block_open(variant, options, block_around(D, 0.2), TOKENS, 2);
        for (int64_t t = 0; t < TOKENS; t += 3) matrix_real(b.x)[t * D + t % D] = strange[t % 9 / 3];
        block_forward(&b);
        block_backward(&b);
        // Sinkhorn looks at the whole batch at once.
        bool together =
            variant == ff_variant_named("moe") && options.moe.router == moe_router_named("sinkhorn");
        for (int64_t t = 0; t < TOKENS; t++)
            for (int64_t c = 0; c < D && t % 3 != 0 && !together; c++)
                assert_true(isfinite(matrix_real(b.y)[t * D + c]));
        block_close(&b);
    }
}

// Without memory: an error, and everything borrowed is given back.
static void test_out_of_memory(void **state) {
    (void)state;
    const ff_variant *variant;
    ff_options options;
    for (int i = 0; case_at(i, &variant, &options); i++) {
        block b = block_open(variant, options, block_around(8, 0.2), 40, 1);
        int refused = 0;
        for (int64_t successes = 0;; successes++) {
            arena_fail_after(successes);
            sigmoe_status status = variant->forward(&b.layer, &b.step, b.x, b.y, &b.saved);
            if (status == SIGMOE_OK) status = variant->backward(&b.layer, &b.step, b.saved, b.x, b.dy, b.dx);
            arena_fail_after(-1);
            block_release(&b);
            if (status == SIGMOE_OK) break;
            assert_int_equal(status, SIGMOE_NO_MEMORY);
            refused++;
        }
        assert_true(refused >= 2);
        block_close(&b);
    }
}

// ---------------------------------------------------------------- sizes and counts

static void test_saved_bytes(void **state) {
    (void)state;
    enum { TOKENS = 3000 };
    const ff_variant *variant;
    ff_options options;
    for (int i = 0; case_at(i, &variant, &options); i++) {
        ff_surroundings around = block_around(8, 0.2);
        block b = block_open(variant, options, around, TOKENS, 1);
        block_forward(&b);
        double measured = (double)arena_bytes(b.step.activations) / TOKENS;
        double estimate = variant->saved_bytes(&options, &around, TYPE_REAL);
        if (fabs(measured - estimate) > 0.15 * measured)
            fail_msg("%s: %g bytes a token are kept, the estimate is %g", variant->name, measured, estimate);
        block_close(&b);
    }
}

static double flops_share(const char *name, ff_options options) {
    const ff_variant *variant = ff_variant_named(name);
    ff_surroundings around = block_around(412, 0);
    ff_options dense = {.dense = {.d_ff = variant->channels(&options)}};
    return variant->multiply_adds(&options, &around) /
           ff_variant_named("dense")->multiply_adds(&dense, &around);
}

static void test_multiply_adds(void **state) {
    (void)state;
    ff_options moe = moe_block("sigmoid", 16, 128, 4);
    assert_near(flops_share("moe", moe), 0.25, 1e-12);
    assert_near(flops_share("topk", (ff_options){.topk = {.d_ff = 2048, .k = 512}}), 0.625, 1e-12);
    // 4 heads of 46 sub-keys, each half of d wide, twice; and 46² values.
    assert_near(flops_share("pkm", (ff_options){.pkm = {4, 46, 128, PKM_RELU, 0}}),
        (4 * 46 + 46 * 46) / (2.0 * 46 * 46), 1e-12);
    assert_near(flops_share("pkm", (ff_options){.pkm = {4, 200, 32, PKM_RELU, 0}}),
        (4 * 200 + 4 * 32) / (2.0 * 200 * 200), 1e-12);
    moe.moe.channels_kept = 128;
    assert_near(flops_share("moe", moe), (512 + 128) / (2.0 * 2048), 1e-12);
    ff_surroundings around = block_around(412, 0);
    assert_near(ff_variant_named("moe")->executed_multiply_adds(&moe, &around), 412.0 * (2 * 512 + 16), 1e-9);
}

// Standard deviations as the definition has them: s = sqrt(2 / L).
static void assert_init(
    const char *variant, ff_options options, const char *tensor, init_kind kind, double std) {
    block b = block_open(ff_variant_named(variant), options, block_around(10, 0), 1, 1);
    parameter *p = block_tensor(&b, tensor);
    assert_non_null(p);
    assert_int_equal(p->init, kind);
    assert_near(p->init_scale, std, 1e-12);
    block_close(&b);
}

static void test_initial_scales(void **state) {
    (void)state;
    double s = sqrt(2 / 4.0), tenth = sqrt(0.1);
    ff_options dense = {.dense = {.d_ff = 30}};
    assert_init("dense", dense, "up.weight", INIT_TRUNCATED, s / sqrt(10));
    assert_init("dense", dense, "down.weight", INIT_TRUNCATED, s / sqrt(30));
    assert_init("dense", dense, "up.bias", INIT_ZERO, 0);
    assert_init("dense", dense, "down.bias", INIT_ZERO, 0);
    ff_options pkm = {.pkm = {.n_heads = 4, .n_subkeys = 6, .knn = 8}};
    assert_init("pkm", pkm, "subkeys.0", INIT_NORMAL, s / sqrt(10));
    assert_init("pkm", pkm, "subkeys.1", INIT_NORMAL, s / sqrt(10));
    assert_init("pkm", pkm, "values", INIT_NORMAL, s / sqrt(10));
    pkm.pkm.init = PKM_INIT_DENSE_EQUIVALENT;
    assert_init("pkm", pkm, "values", INIT_NORMAL, s / 6);
    ff_options moe = moe_block("noisy_topk", 5, 7, 2);
    assert_init("moe", moe, "router.weight", INIT_EQUAL_ROWS, s / sqrt(10));
    assert_init("moe", moe, "router.noise", INIT_ZERO, 0);
    assert_init("moe", moe, "experts.up", INIT_NORMAL, s / sqrt(10));
    assert_init("moe", moe, "experts.down", INIT_NORMAL, s / sqrt(35));
    moe.moe.init = MOE_INIT_STANDARD;
    assert_init("moe", moe, "experts.down", INIT_NORMAL, s / sqrt(7));
    moe.moe.init = MOE_INIT_SWITCH;
    assert_init("moe", moe, "router.weight", INIT_NORMAL, tenth * s / sqrt(10));
    assert_init("moe", moe, "experts.up", INIT_NORMAL, tenth * s / sqrt(10));
    assert_init("moe", moe, "experts.down", INIT_NORMAL, tenth * s / sqrt(7));
    assert_init("moe", moe_block("hash", 5, 7, 2), "router.table", INIT_DISTINCT_CHOICES, 5);
}

// ---------------------------------------------------------------- options

static void assert_refused(
    const char *name, ff_options options, ff_surroundings around, const char *key, const char *advice) {
    sigmoe_status status = ff_variant_named(name)->check(&options, &around);
    assert_int_equal(status, SIGMOE_BAD_ARGUMENT);
    if (!strstr(sigmoe_message(), key) || !strstr(sigmoe_message(), advice))
        fail_msg("'%s' should name %s and say '%s'", sigmoe_message(), key, advice);
}

static void refused_moe(ff_options options, const char *key, const char *advice) {
    assert_refused("moe", options, block_around(10, 0), key, advice);
}

static void test_options_that_do_not_fit(void **state) {
    (void)state;
    ff_surroundings around = block_around(10, 0);
    assert_refused("dense", (ff_options){.dense = {0}}, around, "ff.d_ff is 0", "choose 1");
    assert_refused("topk", (ff_options){.topk = {8, 0, false}}, around, "ff.k is 0", "choose 1");
    assert_refused("topk", (ff_options){.topk = {8, 9, false}}, around, "ff.k is 9",
        "ff.d_ff is 8: choose at most so many");
    assert_refused("pkm", (ff_options){.pkm = {0, 4, 4, 0, 0}}, around, "ff.n_heads is 0", "choose 1");
    assert_refused("pkm", (ff_options){.pkm = {4, 4, 0, 0, 0}}, around, "ff.knn is 0", "choose 1");
    assert_refused("pkm", (ff_options){.pkm = {4, 4, 4, 2, 0}}, around, "ff.activation", "relu");
    assert_refused("pkm", (ff_options){.pkm = {4, 4, 4, 0, 0}}, block_around(11, 0), "d_model is 11", "even");

    refused_moe(moe_block("sigmoid", 5, 3, 0), "ff.k is 0", "choose 1");
    refused_moe(moe_block("sigmoid", 5, 3, 6), "ff.k is 6", "ff.n_experts is 5: choose at most so many");
    refused_moe(moe_block("sigmoid", 0, 3, 1), "ff.n_experts is 0", "choose 1");
    refused_moe(moe_block("sigmoid", 5, 0, 1), "ff.expert_size is 0", "choose 1");
    refused_moe(moe_block("nothing", 5, 3, 1), "ff.router", "name one");
    ff_options moe = moe_block("sigmoid", 5, 3, 2);
    moe.moe.channels_kept = 7;
    refused_moe(moe, "ff.channels_kept is 7", "at most");
    moe.moe.channels_kept = -1;
    refused_moe(moe, "ff.channels_kept is -1", "choose 0");
    moe.moe.channels_kept = 6;
    moe.moe.expert_dropout = NAN;
    refused_moe(moe, "ff.expert_dropout", "choose 0 to 0.999");
    moe.moe.expert_dropout = 1; // nothing would be learned
    refused_moe(moe, "ff.expert_dropout is 1", "choose 0 to 0.999");
    moe.moe.expert_dropout = 0;
    moe.moe.dropout = 1;
    refused_moe(moe, "ff.dropout is 1", "choose 0 to 0.999");
    moe.moe.dropout = 0;
    for (int i = 0; router_at(i); i++) {
        ff_options options = moe_block(router_names[i], 5, 3, 2);
        must(ff_variant_named("moe")->check(&options, &around));
        options.moe.expert_dropout = 0.1;
        if (!router_at(i)->expert_dropout) refused_moe(options, "ff.expert_dropout is 0.1", "set it to 0");
        options.moe.expert_dropout = 0;
        options.moe.regularizer = REGULARIZER_CV;
        if (!router_at(i)->learned) refused_moe(options, "ff.regularizer is cv", "set it to none");
    }
}

static void test_schemas(void **state) {
    (void)state;
    const ff_variant *variant;
    for (int i = 0; (variant = ff_variant_at(i)); i++) {
        assert_ptr_equal(ff_variant_named(variant->name), variant);
        ff_options options;
        memset(&options, 0xff, sizeof options);
        option_defaults(variant->options, &options);
        for (int j = 0; j < variant->options.count; j++) {
            const option *o = &variant->options.options[j];
            assert_non_null(o->help);
            assert_true(o->type != OPTION_CHOICE || o->choices);
            assert_ptr_equal(option_find(variant->options, o->name), o);
        }
    }
    assert_null(ff_variant_named("densest"));
    ff_options pkm;
    option_defaults(ff_variant_named("pkm")->options, &pkm);
    assert_int_equal(pkm.pkm.n_heads, 4);
    assert_int_equal(pkm.pkm.knn, 128);
}

// ---------------------------------------------------------------- grouping

static void test_grouping_is_a_stable_sort(void **state) {
    (void)state;
    enum { GROUPED = 50, SLOTS = 3, KEYS = 9, PAIRS = GROUPED * SLOTS };
    arena *memory;
    must(arena_create("test", &memory));
    int32_t key[PAIRS];
    for (int p = 0; p < PAIRS; p++) key[p] = p * 5 % 7 + 1; // keys 0 and 8 stay empty
    expert_grouping g;
    must(group_tokens(memory, key, GROUPED, SLOTS, KEYS, &g));
    assert_int_equal(g.offset[0], 0);
    assert_int_equal(g.offset[1], 0);
    assert_int_equal(g.offset[KEYS - 1], PAIRS);
    assert_int_equal(g.offset[KEYS], PAIRS);
    for (int e = 0; e < KEYS; e++)
        for (int64_t place = g.offset[e]; place < g.offset[e + 1]; place++) {
            assert_int_equal(key[g.pair[place]], e);
            assert_int_equal(g.position[g.pair[place]], place);
            assert_true(place == g.offset[e] || g.pair[place - 1] < g.pair[place]);
        }
    key[4] = -1, key[5] = KEYS, key[20] = INT32_MAX;
    must(group_tokens(memory, key, GROUPED, SLOTS, KEYS, &g));
    assert_int_equal(g.offset[KEYS], PAIRS - 3);
    for (int p = 0; p < PAIRS; p++) {
        assert_true((g.position[p] == -1) == (p == 4 || p == 5 || p == 20));
        assert_true(g.position[p] < 0 || g.pair[g.position[p]] == p);
    }
    assert_int_equal(group_tokens(memory, key, (int64_t)1 << 31, 1, KEYS, &g), SIGMOE_BAD_ARGUMENT);
    arena_destroy(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_bits_at_any_thread_count),
        cmocka_unit_test(test_experts_without_tokens),
        cmocka_unit_test(test_gradients_accumulate_and_nothing_stays),
        cmocka_unit_test(test_strange_inputs),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_saved_bytes),
        cmocka_unit_test(test_multiply_adds),
        cmocka_unit_test(test_initial_scales),
        cmocka_unit_test(test_options_that_do_not_fit),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_grouping_is_a_stable_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
