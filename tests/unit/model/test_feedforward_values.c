// What the blocks compute, against the definitions written out plainly in double precision, and against small cases by hand.
#include "model/feedforward/router_names.h"
#include "model/feedforward/route.h"
#include "model/feedforward/routers.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router.h"
#include "model/feedforward_block.h"

#include "kernels/pointwise/pointwise.h"

enum { TOKENS = 70, D = 12 };

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g is not %.9g", value, expected);
}

static double at(const block *b, const char *name, int64_t i) {
    return block_tensor(b, name)->value[i];
}
static double input(const block *b, int64_t t, int64_t c) {
    return matrix_real(b->x)[t * b->x.cols + c];
}
static double output(const block *b, int64_t t, int64_t c) {
    return matrix_real(b->y)[t * b->y.cols + c];
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// The k-th largest of n, n < 100.
static double kth_largest(const double *values, int n, int64_t k) {
    double sorted[100];
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, descending);
    return sorted[k - 1];
}

// ---------------------------------------------------------------- dense and Top-K

enum { D_FF = 23 };

static void check_two_layers(const block *b, int64_t k, bool compensate) {
    for (int64_t t = 0; t < TOKENS; t++) {
        double u[D_FF], rank[D_FF];
        for (int i = 0; i < D_FF; i++) {
            u[i] = at(b, "up.bias", i);
            for (int c = 0; c < D; c++) u[i] += at(b, "up.weight", i * D + c) * input(b, t, c);
            u[i] = u[i] > 0 ? u[i] : 0;
            double squares = 0;
            for (int c = 0; c < D; c++) squares += pow(at(b, "down.weight", c * D_FF + i), 2);
            rank[i] = compensate ? u[i] * sqrt(squares) : u[i];
        }
        double threshold = kth_largest(rank, D_FF, k);
        for (int c = 0; c < D; c++) {
            double y = at(b, "down.bias", c);
            for (int i = 0; i < D_FF; i++)
                y += rank[i] >= threshold ? u[i] * at(b, "down.weight", c * D_FF + i) : 0;
            assert_near(output(b, t, c), y, 2e-5);
        }
    }
}

static void test_dense_and_topk(void **state) {
    (void)state;
    const ff_options options[] = {
        {.topk = {.d_ff = D_FF, .k = 5}},
        {.topk = {.d_ff = D_FF, .k = 5, .norm_compensation = true}},
        {.topk = {.d_ff = D_FF, .k = D_FF}},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        block b = block_open(ff_variant_named("topk"), options[i], block_around(D, 0), TOKENS, 2);
        block_forward(&b);
        check_two_layers(&b, options[i].topk.k, options[i].topk.norm_compensation);
        block_close(&b);
    }
    block b =
        block_open(ff_variant_named("dense"), (ff_options){.dense = {D_FF}}, block_around(D, 0), TOKENS, 2);
    block_forward(&b);
    check_two_layers(&b, D_FF, false);
    block_close(&b);
}

// Three channels of which two are equal: with k = 2 and the largest apart, both stay.
static void test_topk_keeps_equals(void **state) {
    (void)state;
    block b = block_open(
        ff_variant_named("topk"), (ff_options){.topk = {.d_ff = 4, .k = 2}}, block_around(1, 0), 1, 1);
    matrix_real(b.x)[0] = 1;
    for (int i = 0; i < 4; i++) {
        block_tensor(&b, "up.weight")->value[i] = (const real[]){2, 3, 2, 1}[i];
        block_tensor(&b, "up.bias")->value[i] = 0;
        block_tensor(&b, "down.weight")->value[i] = (const real[]){1, 10, 100, 1000}[i];
    }
    block_tensor(&b, "down.bias")->value[0] = 0;
    block_forward(&b);
    assert_near(output(&b, 0, 0), 2 + 30 + 200, 1e-4);
    block_close(&b);
}

// ---------------------------------------------------------------- product keys

enum { HEADS = 3, N = 5 };

static void check_pkm(const block *b, int64_t knn, bool relu, double tolerance) {
    bool all = knn >= N;
    for (int64_t t = 0; t < TOKENS; t++) {
        double score[HEADS][N * N], y[D] = {0}, sum = 0;
        for (int h = 0; h < HEADS; h++)
            for (int v = 0; v < N * N; v++) {
                score[h][v] = 0;
                for (int c = 0; c < D / 2; c++)
                    score[h][v] += at(b, "subkeys.0", (h * N + v / N) * (D / 2) + c) * input(b, t, c) +
                                   at(b, "subkeys.1", (h * N + v % N) * (D / 2) + c) * input(b, t, D / 2 + c);
            }
        for (int h = 1; all && h < HEADS; h++)
            for (int v = 0; v < N * N; v++) score[0][v] += score[h][v];
        for (int h = 0; h < (all ? 1 : HEADS); h++) {
            double threshold = all ? -INFINITY : kth_largest(score[h], N * N, knn);
            for (int v = 0; v < N * N; v++) {
                if (score[h][v] < threshold) continue;
                double weight = relu ? fmax(score[h][v], 0) : exp(score[h][v]);
                sum += weight;
                for (int c = 0; c < D; c++) y[c] += weight * at(b, "values", v * D + c);
            }
        }
        for (int c = 0; c < D; c++) assert_near(output(b, t, c), relu ? y[c] : y[c] / sum, tolerance);
    }
}

static matrix widened(block *b, matrix x) {
    matrix wide;
    must(matrix_new(b->memory, TYPE_REAL, x.rows, x.cols, &wide));
    copy_into(&b->step.kernel, wide, x);
    return wide;
}

// Mixed precision, with values and inputs that bf16 has.
static void round_operands(block *b) {
    matrix x;
    b->step.operands = TYPE_BF16;
    must(parameters_round(&b->step.kernel, b->list));
    for (int i = 0; i < parameters_length(b->list); i++) {
        parameter *p = parameters_at(b->list, i);
        if (p->product)
            copy_into(&b->step.kernel, parameter_matrix(p, p->value), parameter_operand(p, TYPE_BF16));
    }
    must(matrix_new(b->memory, TYPE_BF16, b->x.rows, b->x.cols, &x));
    copy_into(&b->step.kernel, x, b->x);
    b->x = x;
}

static void test_pkm(void **state) {
    (void)state;
    for (int activation = PKM_RELU; activation <= PKM_SOFTMAX; activation++)
        for (int64_t knn = 1; knn <= N + 1; knn++) {
            ff_options options = {
                .pkm = {.n_heads = HEADS, .n_subkeys = N, .knn = knn, .activation = activation}};
            block b = block_open(ff_variant_named("pkm"), options, block_around(D, 0), TOKENS, 2);
            block_forward(&b);
            check_pkm(&b, knn, activation == PKM_RELU, 5e-5);
            round_operands(&b);
            block_forward(&b);
            b.x = widened(&b, b.x);
            // Where all are summed, the heads' summed sub-keys and the values' weights are rounded.
            check_pkm(&b, knn, activation == PKM_RELU, knn >= N ? 0.1 : 5e-5);
            block_close(&b);
        }
}

// ---------------------------------------------------------------- experts

enum { EXPERTS = 6, SIZE = 4, K = 3 };

// With the router's decision given: channels of a token, w_e · ReLU(x W1[e]), the largest `kept` of them, times W2[e].
static void check_moe(const block *b, const routing *r, int64_t kept) {
    for (int64_t t = 0; t < TOKENS; t++) {
        double u[EXPERTS * SIZE], chosen[K * SIZE], y[D] = {0};
        for (int k = 0; k < K; k++)
            for (int g = 0; g < SIZE; g++) {
                int channel = r->chosen[t * K + k] * SIZE + g;
                double sum = 0;
                for (int c = 0; c < D; c++)
                    sum += at(b, "experts.up", (r->chosen[t * K + k] * D + c) * SIZE + g) * input(b, t, c);
                u[channel] = chosen[k * SIZE + g] = r->weight[t * K + k] * fmax(sum, 0);
            }
        double threshold = kept ? kth_largest(chosen, K * SIZE, kept) : 0;
        for (int k = 0; k < K; k++)
            for (int g = 0; g < SIZE; g++) {
                int channel = r->chosen[t * K + k] * SIZE + g;
                for (int c = 0; c < D && u[channel] >= threshold; c++)
                    y[c] += u[channel] * at(b, "experts.down", channel * D + c);
            }
        for (int c = 0; c < D; c++) assert_near(output(b, t, c), y[c], 2e-5);
    }
}

static void test_moe(void **state) {
    (void)state;
    for (int i = 0; router_at(i); i++)
        for (int64_t kept = 0; kept <= K * SIZE; kept += K * SIZE / 4) {
            ff_options options = moe_block(router_names[i], EXPERTS, SIZE, K);
            options.moe.channels_kept = kept;
            block b = block_open(ff_variant_named("moe"), options, block_around(D, 0), TOKENS, 2);
            router_call call = {&b.layer, &b.step, b.step.activations, b.x};
            routing r;
            must(route(&call, &r));
            block_forward(&b);
            check_moe(&b, &r, kept);
            block_close(&b);
        }
}

// All channels equal: the lower e * G + g stay, whatever slot an expert came to.
static void test_channels_kept_ties(void **state) {
    (void)state;
    ff_options options = moe_block("hash", 3, 2, 2);
    options.moe.channels_kept = 3;
    block b = block_open(ff_variant_named("moe"), options, block_around(1, 0), 1, 1);
    memcpy(block_tensor(&b, "router.table")->table, (const int32_t[]){2, 1}, 2 * sizeof(int32_t));
    matrix_real(b.x)[0] = 1;
    for (int i = 0; i < 6; i++) {
        block_tensor(&b, "experts.up")->value[i] = 1;
        block_tensor(&b, "experts.down")->value[i] = (const real[]){1, 2, 4, 8, 16, 32}[i];
    }
    block_forward(&b);
    assert_near(output(&b, 0, 0), 4 + 8 + 16, 0);
    block_close(&b);
}

// ---------------------------------------------------------------- dropout inside

// Weights that show the inner channels: x = 1 makes each of them 1, and output c is channel c.
static void show_channels(block *b, const char *up, const char *down) {
    for (int64_t i = 0; i < b->x.rows * b->x.cols; i++) matrix_real(b->x)[i] = 1;
    parameter *in = block_tensor(b, up), *out = block_tensor(b, down);
    for (int64_t i = 0; i < in->count; i++) in->value[i] = 1 / (real)b->x.cols;
    for (int64_t i = 0; i < out->count; i++)
        out->value[i] = i / b->x.cols % b->x.cols == i % b->x.cols ? (real)1 : 0;
}

// That the share `zero` of the channels is 0 and the others are `value`.
static void assert_channels(block *b, double zero, double value) {
    block_forward(b);
    int64_t zeros = 0, count = b->y.rows * b->y.cols;
    for (int64_t i = 0; i < count; i++) {
        double y = matrix_real(b->y)[i];
        zeros += y == 0;
        if (y != 0) assert_near(y, value, 1e-5);
    }
    assert_near((double)zeros / (double)count, zero, 0.03);
}

static void test_inner_dropout(void **state) {
    (void)state;
    ff_options moe = moe_block("random", 4, D, 1);
    moe.moe.dropout = 0.25;
    block b = block_open(ff_variant_named("moe"), moe, block_around(D, 0), 500, 1);
    show_channels(&b, "experts.up", "experts.down");
    assert_channels(&b, 0.25, 1 / 0.75);
    b.layer.options.moe.channels_kept = D / 2; // a mask of its own: the two multiply
    assert_channels(&b, 0.5 + 0.5 * 0.25, 1 / 0.75);
    b.step.training = false;
    assert_channels(&b, 0.5, 1);
    block_close(&b);

    b = block_open(ff_variant_named("dense"), (ff_options){.dense = {D}}, block_around(D, 0.4), 500, 1);
    show_channels(&b, "up.weight", "down.weight");
    memset(block_tensor(&b, "up.bias")->value, 0, D * sizeof(real));
    memset(block_tensor(&b, "down.bias")->value, 0, D * sizeof(real));
    assert_channels(&b, 0.4, 1 / 0.6);
    b.step.training = false;
    assert_channels(&b, 0, 1);
    block_close(&b);
}

// Dropout belongs to (token, expert, channel): the order of the slots changes nothing.
static void test_dropout_does_not_depend_on_slots(void **state) {
    (void)state;
    ff_options options = moe_block("hash", 3, 8, 2);
    options.moe.dropout = 0.5;
    options.moe.channels_kept = 12; // a mask of its own, times the dropout's
    block b = block_open(ff_variant_named("moe"), options, block_around(D, 0), TOKENS, 1);
    real first[TOKENS * D];
    block_forward(&b);
    memcpy(first, matrix_real(b.y), sizeof first);
    int32_t *table = block_tensor(&b, "router.table")->table;
    for (int v = 0; v < BLOCK_VOCABULARY; v++) {
        int32_t held = table[2 * v];
        table[2 * v] = table[2 * v + 1];
        table[2 * v + 1] = held;
    }
    block_forward(&b);
    for (int i = 0; i < TOKENS * D; i++) assert_near(matrix_real(b.y)[i], first[i], 1e-5);
    block_close(&b);
}

// ---------------------------------------------------------------- regularizers

static double regularizer_of(moe_regularizer kind, const routing *r, bool training) {
    block b = block_open(ff_variant_named("moe"), moe_block("sigmoid", 2, 1, 1), block_around(2, 0), 2, 1);
    moe_options options = {.n_experts = 2, .k = 1, .regularizer = (int)kind, .regularizer_weight = 2};
    ff_layer layer = {.options.moe = options};
    regularization out;
    b.step.training = training;
    b.step.regularizer = 0.5; // it adds
    must(regularize(&layer, &b.step, r, &out));
    double value = b.step.regularizer - 0.5;
    block_close(&b);
    return value;
}

// Tokens 0 and 2, and 1 and 3, are alike: softmax (1/2, 1/2) and (3/4, 1/4), so p = (5/8, 3/8). All go to expert 0, with
// weights 0.5 and 0.75.
static void test_regularizers_by_hand(void **state) {
    (void)state;
    const real ln3 = (real)1.0986122887;
    real logits[] = {0, 0, ln3, 0, 0, 0, ln3, 0}, weight[] = {(real)0.5, (real)0.75, (real)0.5, (real)0.75};
    int32_t chosen[] = {0, 0, 0, 0};
    uint8_t dropped[] = {0, 0, 1, 0, 0, 0, 1, 0};
    routing r = {.tokens = 4,
        .experts = 2,
        .slots = 1,
        .logits = matrix_of(logits, 4, 2),
        .chosen = chosen,
        .weight = weight};
    static const double expected[] = {0, 2 * -0.6615632382, 2 * 1.25, 2 * 0.3125, 2 * 1.0};
    for (int kind = 0; regularizer_names[kind]; kind++) {
        assert_near(regularizer_of((moe_regularizer)kind, &r, true), expected[kind], 1e-6);
        assert_near(regularizer_of((moe_regularizer)kind, &r, false), 0, 0);
    }
    // A dropped pair is chosen all the same, weighs nothing and does not count; p sees its logit all the same.
    r.dropped = dropped;
    weight[1] = weight[3] = 0;
    assert_near(regularizer_of(REGULARIZER_SWITCH, &r, true), 2 * 0.625, 1e-6);
    assert_near(regularizer_of(REGULARIZER_SWITCH_MEAN, &r, true), 2 * 0.15625, 1e-6);
    assert_near(regularizer_of(REGULARIZER_ENTROPY, &r, true), 2 * -0.6615632382, 1e-6);
    // Equal importance: 0, and no division of 0 by 0 on the way.
    chosen[1] = chosen[3] = 1;
    r.dropped = NULL;
    weight[1] = weight[3] = (real)0.5;
    assert_near(regularizer_of(REGULARIZER_CV, &r, true), 0, 0);
    for (int t = 0; t < 4; t++) weight[t] = 0;
    assert_near(regularizer_of(REGULARIZER_CV, &r, true), 0, 0);
    weight[0] = 1, weight[1] = (real)0.5; // I = (1, 1/2): mean 3/4, std 1/4
    assert_near(regularizer_of(REGULARIZER_CV, &r, true), 2 / 3.0, 1e-6);
}

// A logit so low that its probability is 0 in single precision.
static void test_entropy_of_underflow(void **state) {
    (void)state;
    ff_options options = moe_block("sigmoid", 2, 1, 1);
    options.moe.regularizer = REGULARIZER_ENTROPY;
    options.moe.regularizer_weight = 1;
    block b = block_open(ff_variant_named("moe"), options, block_around(1, 0), 3, 1);
    for (int t = 0; t < 3; t++) matrix_real(b.x)[t] = 1;
    block_tensor(&b, "router.weight")->value[0] = 200;
    block_tensor(&b, "router.weight")->value[1] = -200;
    block_forward(&b);
    block_backward(&b);
    assert_near(b.step.regularizer, 0, 0);
    assert_true(isfinite(block_tensor(&b, "router.weight")->gradient[1]));
    block_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_and_topk),
        cmocka_unit_test(test_topk_keeps_equals),
        cmocka_unit_test(test_pkm),
        cmocka_unit_test(test_moe),
        cmocka_unit_test(test_channels_kept_ties),
        cmocka_unit_test(test_inner_dropout),
        cmocka_unit_test(test_dropout_does_not_depend_on_slots),
        cmocka_unit_test(test_regularizers_by_hand),
        cmocka_unit_test(test_entropy_of_underflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
