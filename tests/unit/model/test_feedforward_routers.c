// What routers decide, against numbers worked out by hand, and by their statistics where they draw.
#include "model/feedforward/router_names.h"
#include "model/feedforward/route.h"
#include "model/feedforward/routers.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router.h"
#include "model/feedforward_block.h"

enum { EXPERTS = 4 };

// A block whose logits are its inputs: d = N_E, W_sel the identity.
static block logit_block(const char *name, int64_t k, int64_t tokens) {
    block b = block_open(
        ff_variant_named("moe"), moe_block(name, EXPERTS, 2, k), block_around(EXPERTS, 0), tokens, 2);
    parameter *selection = block_tensor(&b, "router.weight");
    for (int64_t i = 0; selection && i < selection->count; i++) selection->value[i] = i % (EXPERTS + 1) == 0;
    return b;
}

static void set_logits(block *b, const real *logits) {
    memcpy(matrix_real(b->x), logits, (size_t)(b->x.rows * b->x.cols) * sizeof(real));
}

static routing decide(block *b) {
    router_call call = {&b->layer, &b->step, b->step.activations, b->x};
    routing r;
    must(route(&call, &r));
    return r;
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g is not %.9g", value, expected);
}

static void test_weights_by_hand(void **state) {
    (void)state;
    static const struct {
        const char *router;
        double weight[2];
    } cases[] = {
        {"sigmoid", {0.880797078, 0.731058579}},
        {"softmax", {0.643914260, 0.236882818}},
        {"softmax_topk", {0.731058579, 0.268941421}},
        {"sinkhorn", {0.880797078, 0.731058579}},
        {"noisy_topk", {0.731058579, 0.268941421}},
    };
    int learned = 0;
    for (int i = 0; router_at(i); i++) learned += router_at(i)->learned;
    assert_int_equal(learned, sizeof cases / sizeof *cases);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        block b = logit_block(cases[i].router, 2, 1);
        b.step.training = false;
        set_logits(&b, (const real[]){1, 0, 2, -1});
        routing r = decide(&b);
        assert_int_equal(r.chosen[0], 2); // from the highest down
        assert_int_equal(r.chosen[1], 0);
        for (int k = 0; k < 2; k++) assert_near(r.weight[k], cases[i].weight[k], 1e-6);
        block_close(&b);
    }
}

static void test_ties_take_the_lower_index(void **state) {
    (void)state;
    for (int i = 0; router_at(i); i++) {
        if (!router_at(i)->learned) continue;
        block b = logit_block(router_names[i], 3, 1);
        b.step.training = false;
        set_logits(&b, (const real[]){0.5, 0.25, 0.5, 0.25});
        routing r = decide(&b);
        assert_int_equal(r.chosen[0], 0);
        assert_int_equal(r.chosen[1], 2);
        assert_int_equal(r.chosen[2], 1);
        block_close(&b);
    }
    // σ is ranked as the number it is: beyond single precision's reach all are 1, and equal.
    block b = logit_block("sigmoid", 1, 1);
    set_logits(&b, (const real[]){40, 50, 60, 70});
    assert_int_equal(decide(&b).chosen[0], 0);
    block_close(&b);
}

// ---------------------------------------------------------------- expert dropout

static bool was_dropped(const routing *r, int64_t t, int32_t e) {
    return r->dropped[t * r->experts + e];
}

static void check_dropped_token(const block *b, const routing *r, int64_t t) {
    const char *name = router_names[b->layer.options.moe.router];
    const real *logits = matrix_real(b->x) + t * EXPERTS;
    double all = 0, kept = 0;
    int left = 0;
    for (int32_t e = 0; e < EXPERTS; e++) {
        all += exp(logits[e]);
        left += !was_dropped(r, t, e);
    }
    for (int64_t k = 0; k < r->slots; k++) {
        int32_t e = r->chosen[t * r->slots + k];
        kept += was_dropped(r, t, e) ? 0 : exp(logits[e]);
    }
    for (int64_t k = 0; k < r->slots; k++) {
        int32_t e = r->chosen[t * r->slots + k];
        double sigma = 1 / (1 + exp(-logits[e])), weight = sigma;
        if (strcmp(name, "softmax") == 0) weight = exp(logits[e]) / all;
        if (strcmp(name, "softmax_topk") == 0) weight = exp(logits[e]) / kept;
        assert_int_equal(was_dropped(r, t, e), k >= left); // the dropped rank last
        assert_near(r->weight[t * r->slots + k], was_dropped(r, t, e) ? 0 : weight, 1e-6);
    }
}

static void test_expert_dropout(void **state) {
    (void)state;
    enum { TOKENS = 2000 };
    int tested = 0;
    for (int i = 0; router_at(i); i++) {
        if (!router_at(i)->expert_dropout) continue;
        block b = logit_block(router_names[i], 2, TOKENS);
        b.layer.options.moe.expert_dropout = 0.3;
        routing r = decide(&b);
        int64_t dropped = 0;
        for (int64_t p = 0; p < TOKENS * EXPERTS; p++) dropped += r.dropped[p];
        assert_near((double)dropped / (TOKENS * EXPERTS), 0.3, 0.02); // 4 standard deviations
        for (int64_t t = 0; t < TOKENS; t++) check_dropped_token(&b, &r, t);
        b.step.training = false;
        assert_null(decide(&b).dropped);
        block_close(&b);
        tested++;
    }
    assert_int_equal(tested, 4);
}

static void test_all_experts_dropped(void **state) {
    (void)state;
    for (int i = 0; router_at(i); i++) {
        if (!router_at(i)->expert_dropout) continue;
        block b = logit_block(router_names[i], 2, 5);
        b.layer.options.moe.expert_dropout = 1;
        b.layer.options.moe.regularizer = REGULARIZER_CV;
        b.layer.options.moe.regularizer_weight = 1;
        block_forward(&b);
        block_backward(&b);
        for (int64_t j = 0; j < b.y.rows * b.y.cols; j++) {
            assert_true(matrix_real(b.y)[j] == 0);
            assert_true(matrix_real(b.dx)[j] == 0);
        }
        assert_true(b.step.regularizer == 0);
        block_close(&b);
    }
}

// ---------------------------------------------------------------- Sinkhorn, noise

// The definition, step by step.
static void sinkhorn_by_definition(const real *r, int64_t tokens, double *beta) {
    for (int e = 0; e < EXPERTS; e++) beta[e] = 0;
    double *alpha = calloc((size_t)tokens, sizeof *alpha);
    for (int i = 0; i < 3; i++) {
        for (int64_t t = 0; t < tokens; t++) {
            double sum = 0;
            for (int e = 0; e < EXPERTS; e++) sum += exp(r[t * EXPERTS + e] + beta[e]);
            alpha[t] = -log(sum);
        }
        for (int e = 0; e < EXPERTS; e++) {
            double sum = 0;
            for (int64_t t = 0; t < tokens; t++) sum += exp(r[t * EXPERTS + e] + alpha[t]);
            beta[e] = log((double)tokens / EXPERTS) - log(sum);
        }
    }
    free(alpha);
}

static void test_sinkhorn_balances(void **state) {
    (void)state;
    enum { TOKENS = 700 }; // several blocks of partial sums
    block b = logit_block("sinkhorn", 1, TOKENS);
    for (int64_t t = 0; t < TOKENS; t++) matrix_real(b.x)[t * EXPERTS] += 3; // all prefer expert 0
    double beta[EXPERTS];
    sinkhorn_by_definition(matrix_real(b.x), TOKENS, beta);
    routing r = decide(&b);
    int64_t served[EXPERTS] = {0};
    double share[EXPERTS] = {0};
    for (int64_t t = 0; t < TOKENS; t++) {
        const real *scores = matrix_real(r.scores) + t * EXPERTS, *logits = matrix_real(b.x) + t * EXPERTS;
        double sum = 0;
        for (int e = 0; e < EXPERTS; e++) {
            assert_near(scores[e], (double)logits[e] + beta[e], 1e-5);
            sum += exp(scores[e]);
        }
        for (int e = 0; e < EXPERTS; e++) share[e] += exp(scores[e]) / sum;
        served[r.chosen[t]]++;
        assert_near(r.weight[t], 1 / (1 + exp(-(double)logits[r.chosen[t]])), 1e-6);
    }
    for (int e = 0; e < EXPERTS; e++) {
        assert_near(share[e], TOKENS / (double)EXPERTS, 0.02 * TOKENS); // the marginals
        assert_in_range(served[e], TOKENS / 8, TOKENS / 2);
    }
    b.step.training = false;
    r = decide(&b);
    int64_t favourite = 0;
    for (int64_t t = 0; t < TOKENS; t++) favourite += r.chosen[t] == 0;
    assert_true(favourite > TOKENS * 8 / 10);
    block_close(&b);
}

// Logits so far apart that no exponential of theirs is anything but 0 or infinity.
static void test_sinkhorn_of_extreme_logits(void **state) {
    (void)state;
    block b = logit_block("sinkhorn", 1, 2);
    set_logits(&b, (const real[]){5000, -5000, 0, 0, 5000, -5000, 1, 1});
    routing r = decide(&b);
    for (int i = 0; i < 2 * EXPERTS; i++) assert_true(isfinite(matrix_real(r.scores)[i]));
    block_close(&b);
}

static void test_noise(void **state) {
    (void)state;
    enum { TOKENS = 3000, PAIRS = TOKENS * EXPERTS };
    block b = logit_block("noisy_topk", 2, TOKENS);
    parameter *noise = block_tensor(&b, "router.noise");
    for (int64_t i = 0; i < noise->count; i++) noise->value[i] = 0; // as it starts: softplus(0) = ln 2
    routing r = decide(&b);
    double sum = 0, squares = 0;
    for (int64_t p = 0; p < PAIRS; p++) {
        double drawn = (double)matrix_real(r.scores)[p] - (double)matrix_real(r.logits)[p];
        sum += drawn, squares += drawn * drawn;
    }
    assert_near(sum / PAIRS, 0, 0.03);
    assert_near(sqrt(squares / PAIRS), 0.693147, 0.02);
    b.step.training = false;
    r = decide(&b);
    assert_memory_equal(matrix_real(r.scores), matrix_real(b.x), PAIRS * sizeof(real));
    block_close(&b);
}

// ---------------------------------------------------------------- routers without logits

static void test_hash_uses_the_ids(void **state) {
    (void)state;
    block b = logit_block("hash", 2, 40);
    const int32_t *table = block_tensor(&b, "router.table")->table;
    routing r = decide(&b);
    for (int64_t t = 0; t < 40; t++)
        for (int k = 0; k < 2; k++) {
            assert_int_equal(r.chosen[t * 2 + k], table[b.step.tokens[t] * 2 + k]);
            assert_true(r.weight[t * 2 + k] == 1);
        }
    block_close(&b);
}

static void test_damaged_hash_tables(void **state) {
    (void)state;
    const int32_t entries[][2] = {{-1, 0}, {0, EXPERTS}, {1, 1}};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        block b = logit_block("hash", 2, 40);
        memcpy(block_tensor(&b, "router.table")->table + 2 * b.step.tokens[39], entries[i], sizeof *entries);
        assert_int_equal(b.layer.variant->forward(&b.layer, &b.step, b.x, b.y, &b.saved), SIGMOE_BAD_FORMAT);
        assert_non_null(strstr(sigmoe_message(), "layers.3.ff.router.table"));
        block_close(&b);
    }
    block b = logit_block("hash", 2, 4);
    b.step.tokens = NULL;
    assert_int_equal(b.layer.variant->forward(&b.layer, &b.step, b.x, b.y, &b.saved), SIGMOE_BAD_ARGUMENT);
    block_close(&b);
}

static void test_random_choice(void **state) {
    (void)state;
    enum { TOKENS = 4000 };
    block b = logit_block("random", 2, TOKENS);
    b.step.training = false; // it draws there too
    routing r = decide(&b);
    int64_t together[EXPERTS][EXPERTS] = {0};
    for (int64_t t = 0; t < TOKENS; t++) {
        int32_t first = r.chosen[2 * t], second = r.chosen[2 * t + 1];
        assert_in_range(first, 0, EXPERTS - 1);
        assert_in_range(second, 0, EXPERTS - 1);
        together[first < second ? first : second][first < second ? second : first]++;
    }
    for (int e = 0; e < EXPERTS; e++)
        for (int f = 0; f < EXPERTS; f++) // each of the 6 sets, never one expert twice
            assert_near((double)together[e][f] / TOKENS, e < f ? 1 / 6.0 : 0, 0.03);
    routing again = decide(&b);
    assert_memory_equal(r.chosen, again.chosen, 2 * TOKENS * sizeof(int32_t));
    b.step.step++;
    again = decide(&b);
    assert_memory_not_equal(r.chosen, again.chosen, 2 * TOKENS * sizeof(int32_t));
    block_close(&b);
}

// ---------------------------------------------------------------- all of them

// Whatever comes in, K distinct experts come out.
static void test_not_a_number(void **state) {
    (void)state;
    const real strange[] = {(real)NAN, (real)INFINITY, -(real)INFINITY, (real)1e38};
    for (int i = 0; router_at(i); i++)
        for (int drop = 0; drop <= router_at(i)->expert_dropout; drop++) {
            block b = logit_block(router_names[i], 3, 64);
            if (drop) b.layer.options.moe.expert_dropout = 0.5;
            for (int64_t j = 0; j < 64; j++) matrix_real(b.x)[j * EXPERTS + j % EXPERTS] = strange[j / 4 % 4];
            routing r = decide(&b);
            for (int64_t t = 0; t < 64; t++) {
                unsigned seen = 0;
                for (int k = 0; k < 3; k++) seen |= 1u << r.chosen[t * 3 + k];
                assert_int_equal(__builtin_popcount(seen), 3);
                assert_true(seen < 1u << EXPERTS);
            }
            block_forward(&b);
            block_backward(&b);
            block_close(&b);
        }
}

static void test_names(void **state) {
    (void)state;
    for (int i = 0; router_at(i); i++) {
        assert_int_equal(moe_router_named(router_names[i]), i);
        assert_string_equal(moe_router_name(i), router_names[i]);
    }
    assert_int_equal(moe_router_named("softmax_"), -1);
    assert_null(moe_router_name(-1));
    assert_null(moe_router_name(1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_by_hand),
        cmocka_unit_test(test_ties_take_the_lower_index),
        cmocka_unit_test(test_expert_dropout),
        cmocka_unit_test(test_all_experts_dropped),
        cmocka_unit_test(test_sinkhorn_balances),
        cmocka_unit_test(test_sinkhorn_of_extreme_logits),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_hash_uses_the_ids),
        cmocka_unit_test(test_damaged_hash_tables),
        cmocka_unit_test(test_random_choice),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
