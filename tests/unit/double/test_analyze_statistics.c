// What the statistics count, against loops over tokens that compute everything again, in double precision.
#include "model/feedforward/registry.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward_block.h"

enum { TOKENS = 10, SEQUENCES = 2, D_MODEL = 6, LAYER = 3, STREAM = 1000, FIRST = 40 };

static block open_counting(const char *variant, ff_options options, ff_statistics **s) {
    block b = block_open(ff_variant_named(variant), options, block_around(D_MODEL, 0.1), TOKENS, 2);
    must(ff_statistics_create(b.memory, b.layer.variant, &options, LAYER + 1, FF_DETAILS, s));
    (*s)->first = FIRST;
    (*s)->stream = STREAM;
    b.step.training = false;
    b.step.batch = SEQUENCES;
    b.step.length = TOKENS / SEQUENCES;
    b.step.statistics = *s;
    return b;
}

static void assert_close(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-9 * (1 + fabs(expected))))
        print_error("%.17g, not %.17g\n", got, expected);
    assert_true(fabs(got - expected) <= 1e-9 * (1 + fabs(expected)));
}

static double product(const real *a, const real *b, int64_t n, int64_t stride) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i * stride];
    return sum;
}

// Compares with the active channels [TOKENS, channels] that the test found.
static void check_active(const ff_statistics *s, const double *u, int64_t channels, int passes) {
    const ff_layer_statistics *l = &s->layer[LAYER];
    double sum = 0, squares = 0;
    int64_t ever = 0;
    for (int64_t t = 0; t < TOKENS; t++) {
        int count = 0;
        for (int64_t i = 0; i < channels; i++) count += u[t * channels + i] > 0;
        sum += count;
        squares += count * count;
    }
    for (int64_t i = 0; i < channels; i++) {
        int64_t fired = 0;
        for (int64_t t = 0; t < TOKENS; t++) fired += u[t * channels + i] > 0;
        assert_int_equal(l->fired[i], passes * fired);
        ever += fired > 0;
    }
    assert_true(ever > 0);
    assert_int_equal(s->channels, channels);
    assert_int_equal(l->tokens, passes * TOKENS);
    assert_close(l->active, passes * sum);
    assert_close(l->active_squares, passes * squares);
}

static void dense_u(const block *b, int64_t d_ff, double *u) {
    const parameter *up = block_tensor(b, "up.weight"), *bias = block_tensor(b, "up.bias");
    for (int64_t t = 0; t < TOKENS; t++)
        for (int64_t i = 0; i < d_ff; i++)
            u[t * d_ff + i] = product(matrix_real(b->x) + t * D_MODEL, up->value + i * D_MODEL, D_MODEL, 1) +
                              bias->value[i];
}

static void counts_dense_channels(void **state) {
    (void)state;
    ff_statistics *s;
    double u[TOKENS * 9];
    block b = open_counting("dense", (ff_options){.dense = {.d_ff = 9}}, &s);
    for (int pass = 1; pass <= 2; pass++) {
        block_forward(&b);
        block_release(&b);
        dense_u(&b, 9, u);
        check_active(s, u, 9, pass);
    }
    assert_int_equal(s->layer[0].tokens, 0);
    assert_int_equal(s->experts, 0);
    block_close(&b);
}

static void counts_the_channels_that_topk_keeps(void **state) {
    (void)state;
    enum { D_FF = 12, K = 3 };
    ff_statistics *s;
    double u[TOKENS * D_FF];
    block b = open_counting("topk", (ff_options){.topk = {.d_ff = D_FF, .k = K}}, &s);
    block_forward(&b);
    block_release(&b);
    dense_u(&b, D_FF, u);
    for (int64_t t = 0; t < TOKENS; t++) {
        bool dropped[D_FF];
        for (int64_t i = 0; i < D_FF; i++) {
            int above = 0;
            for (int64_t j = 0; j < D_FF; j++) above += u[t * D_FF + j] > u[t * D_FF + i];
            dropped[i] = above >= K;
        }
        for (int64_t i = 0; i < D_FF; i++)
            if (dropped[i]) u[t * D_FF + i] = 0;
    }
    check_active(s, u, D_FF, 1);
    block_close(&b);
}

// Both ways of a product-key memory; a value that two heads find counts once.
static void check_pkm(int64_t n, int64_t heads, int64_t knn) {
    ff_statistics *s;
    double u[TOKENS * 25] = {0};
    ff_options o = {.pkm = {.n_heads = heads, .n_subkeys = n, .knn = knn, .activation = PKM_RELU}};
    block b = open_counting("pkm", o, &s);
    block_forward(&b);
    block_release(&b);
    const parameter *left = block_tensor(&b, "subkeys.0"), *right = block_tensor(&b, "subkeys.1");
    int64_t half = D_MODEL / 2;
    for (int64_t t = 0; t < TOKENS; t++) {
        const real *x = matrix_real(b.x) + t * D_MODEL;
        double summed[25] = {0};
        for (int64_t h = 0; h < heads; h++) {
            double score[25];
            for (int64_t v = 0; v < n * n; v++) {
                score[v] = product(x, left->value + (h * n + v / n) * half, half, 1) +
                           product(x + half, right->value + (h * n + v % n) * half, half, 1);
                summed[v] += score[v];
            }
            for (int64_t v = 0; knn < n && v < n * n; v++) {
                int above = 0;
                for (int64_t w = 0; w < n * n; w++) above += score[w] > score[v];
                if (above < knn && score[v] > 0) u[t * n * n + v] = 1;
            }
        }
        for (int64_t v = 0; knn >= n && v < n * n; v++) u[t * n * n + v] = summed[v];
    }
    check_active(s, u, n * n, 1);
    block_close(&b);
}

static void counts_the_values_of_a_product_key_memory(void **state) {
    (void)state;
    check_pkm(5, 2, 128);
    check_pkm(5, 3, 4);
}

enum { EXPERTS = 5, SIZE = 4, PICKED = 2 };

typedef struct plain_counts {
    double weight[EXPERTS], entropy, u[TOKENS * EXPERTS * SIZE];
    int64_t chosen[EXPERTS], together[EXPERTS * EXPERTS];
    double w[TOKENS][EXPERTS]; // 0: not picked
} plain_counts;

static void plain_token(const block *b, int64_t t, plain_counts *p) {
    const parameter *router = block_tensor(b, "router.weight"), *up = block_tensor(b, "experts.up");
    const real *x = matrix_real(b->x) + t * D_MODEL;
    double r[EXPERTS], sum = 0;
    for (int e = 0; e < EXPERTS; e++) {
        r[e] = product(x, router->value + e * D_MODEL, D_MODEL, 1);
        sum += exp(r[e]);
    }
    for (int e = 0; e < EXPERTS; e++) {
        int above = 0;
        for (int f = 0; f < EXPERTS; f++) above += r[f] > r[e];
        p->entropy -= exp(r[e]) / sum * log2(exp(r[e]) / sum);
        p->w[t][e] = above < PICKED ? 1 / (1 + exp(-r[e])) : 0;
        p->weight[e] += p->w[t][e];
        p->chosen[e] += above < PICKED;
        for (int g = 0; g < SIZE && above < PICKED; g++)
            p->u[(t * EXPERTS + e) * SIZE + g] =
                product(x, up->value + e * D_MODEL * SIZE + g, D_MODEL, SIZE);
    }
    for (int e = 0; e < EXPERTS; e++)
        for (int f = 0; f < EXPERTS; f++)
            p->together[e * EXPERTS + f] += e != f && p->w[t][e] > 0 && p->w[t][f] > 0;
}

// For each expert: tokens by weight, each id at its best.
static void check_occasions(const block *b, const ff_layer_statistics *l, const plain_counts *p) {
    for (int e = 0; e < EXPERTS; e++) {
        double above = INFINITY;
        for (int i = 0; i < FF_OCCASIONS; i++) {
            const ff_occasion *o = &l->occasion[e * FF_OCCASIONS + i];
            int64_t best = -1;
            for (int64_t t = 0; t < TOKENS; t++) {
                bool better_elsewhere = false;
                for (int64_t s = 0; s < TOKENS; s++)
                    if (b->step.tokens[s] == b->step.tokens[t] && p->w[s][e] > p->w[t][e])
                        better_elsewhere = true;
                if (p->w[t][e] > 0 && p->w[t][e] < above && !better_elsewhere &&
                    (best < 0 || p->w[t][e] > p->w[best][e]))
                    best = t;
            }
            if (best < 0) {
                assert_int_equal(o->position, -1);
                continue;
            }
            above = p->w[best][e];
            assert_close(o->weight, above);
            assert_int_equal(o->token, b->step.tokens[best]);
            assert_int_equal(o->position, best / b->step.length * STREAM + FIRST + best % b->step.length);
        }
    }
}

static void counts_the_choices_of_a_router(void **state) {
    (void)state;
    ff_statistics *s;
    static plain_counts p;
    block b = open_counting("moe", moe_block("sigmoid", EXPERTS, SIZE, PICKED), &s);
    int32_t ids[TOKENS]; // some come twice
    for (int t = 0; t < TOKENS; t++) ids[t] = t * 7 % 4;
    b.step.tokens = ids;
    block_forward(&b);
    block_release(&b);
    for (int64_t t = 0; t < TOKENS; t++) plain_token(&b, t, &p);
    const ff_layer_statistics *l = &s->layer[LAYER];
    check_active(s, p.u, EXPERTS * SIZE, 1);
    for (int e = 0; e < EXPERTS; e++) {
        assert_close(l->weight[e], p.weight[e]);
        assert_int_equal(l->chosen[e], p.chosen[e]);
    }
    for (int i = 0; i < EXPERTS * EXPERTS; i++) assert_int_equal(l->together[i], p.together[i]);
    assert_true(s->has_logits);
    assert_close(l->token_entropy, p.entropy);
    check_occasions(&b, l, &p);
    block_close(&b);
}

// Of the channels of the chosen experts only those that are kept count.
static void counts_the_channels_that_a_mixture_keeps(void **state) {
    (void)state;
    ff_statistics *s;
    ff_options o = moe_block("sigmoid", EXPERTS, SIZE, PICKED);
    o.moe.channels_kept = 1;
    block b = open_counting("moe", o, &s);
    block_forward(&b);
    block_release(&b);
    assert_true(s->layer[LAYER].active <= TOKENS);
    assert_true(s->layer[LAYER].active > 0);
    block_close(&b);
}

static void counts_a_router_without_logits(void **state) {
    (void)state;
    ff_statistics *s;
    block b = open_counting("moe", moe_block("hash", EXPERTS, SIZE, PICKED), &s);
    block_forward(&b);
    block_release(&b);
    double weight = 0;
    for (int e = 0; e < EXPERTS; e++) weight += s->layer[LAYER].weight[e];
    assert_close(weight, TOKENS * PICKED);
    assert_false(s->has_logits);
    assert_close(s->layer[LAYER].token_entropy, 0);
    block_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_dense_channels),
        cmocka_unit_test(counts_the_channels_that_topk_keeps),
        cmocka_unit_test(counts_the_values_of_a_product_key_memory),
        cmocka_unit_test(counts_the_choices_of_a_router),
        cmocka_unit_test(counts_the_channels_that_a_mixture_keeps),
        cmocka_unit_test(counts_a_router_without_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
