// Decoding with kept keys and values gives the logits that whole segments give: for every variant and router, whether a text is
// fed token by token or in pieces, alone or beside others, across the borders of segments and round the rings.
#include "model/decoder.h"

#include "base/quantization.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { VOCABULARY = 19, WIDTH = 12, LAYERS = 2, HEADS = 3, HEAD_WIDTH = 5, UNROLL = 7, LENGTH = 40 };

static void ok(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

static model_config config_of(const char *variant, int router) {
    model_config c = {VOCABULARY, WIDTH, LAYERS, HEADS, HEAD_WIDTH, 0.2, UNROLL, 1, 2, NULL, {{0}}};
    c.variant = ff_variant_named(variant);
    assert_non_null(c.variant);
    option_defaults(c.variant->options, &c.ff);
    if (strcmp(variant, "dense") == 0) c.ff.dense.d_ff = 21;
    if (strcmp(variant, "topk") == 0) c.ff.topk = (topk_options){21, 5, router > 0};
    if (strcmp(variant, "pkm") == 0) {
        c.ff.pkm.n_heads = 2;
        c.ff.pkm.n_subkeys = 4;
        c.ff.pkm.knn = router > 0 ? 3 : 4; // both ways of summing values
        c.ff.pkm.activation = router > 0 ? PKM_SOFTMAX : PKM_RELU;
    }
    if (strcmp(variant, "moe") == 0) {
        c.ff.moe.n_experts = 6;
        c.ff.moe.expert_size = 4;
        c.ff.moe.k = 2;
        c.ff.moe.router = router;
        c.ff.moe.channels_kept = router == 0 ? 5 : 0;
        c.ff.moe.expert_dropout = 0; // of training, like noise and Sinkhorn
    }
    return c;
}

typedef struct bench {
    transformer *model;
    workspace work;
    int32_t tokens[LENGTH];
    real expected[LENGTH][VOCABULARY];
} bench;

// Nothing is zero: biases and the scales of norms are drawn like the rest.
static void draw_weights(transformer *model) {
    parameter_list *list = transformer_parameters(model);
    for (int i = 0; i < parameters_length(list); i++) {
        parameter *p = parameters_at(list, i);
        random_stream stream = {.seed = 3, .layer = (uint32_t)i, .purpose = RANDOM_TEST};
        if (!p->trainable) continue;
        for (int64_t k = 0; k < p->count; k++)
            p->value[k] += (real)(0.3 * random_normal(stream, (uint64_t)k));
    }
    parameters_changed(list);
}

static bench open_bench(const model_config *config, dtype operands) {
    bench b;
    random_stream stream = {.seed = 9, .purpose = RANDOM_TEST};
    ok(cpu_init());
    ok(workspace_open(2, &b.work));
    ok(transformer_create(config, STORE_VALUES, &b.model));
    parameters_initialize(&b.work.kernel, transformer_parameters(b.model), 1);
    draw_weights(b.model);
    transformer_set_operands(b.model, operands);
    for (int i = 0; i < LENGTH; i++)
        b.tokens[i] = (int32_t)(random_uniform(stream, (uint64_t)i) * VOCABULARY);
    return b;
}

static void close_bench(bench *b) {
    transformer_destroy(b->model);
    workspace_close(&b->work);
}

// Logits of the bench's tokens in segments, the last of which is shorter.
static void expect_segments(bench *b, int64_t segments) {
    xl_memory *memory;
    ok(xl_memory_create(transformer_config(b->model), 1, segments, UNROLL, &memory));
    for (int first = 0, index = 0; first < LENGTH; first += UNROLL, index++) {
        int length = LENGTH - first < UNROLL ? LENGTH - first : UNROLL;
        step_context step = {.kernel = b->work.kernel,
            .activations = b->work.activations,
            .step = (uint64_t)index,
            .tokens = b->tokens + first,
            .batch = 1,
            .length = length};
        ok(transformer_logits(b->model, &step, memory, matrix_of(b->expected[first], length, VOCABULARY)));
    }
    xl_memory_destroy(memory);
}

static void compare(
    const bench *b, int64_t position, const real *logits, double tolerance, const char *what) {
    for (int v = 0; v < VOCABULARY; v++) {
        double expected = b->expected[position][v], size = fabs(expected) > 1 ? fabs(expected) : 1;
        if (!(fabs(logits[v] - expected) <= tolerance * size))
            fail_msg("%s: position %d, token %d: %.9g, but in segments %.9g", what, (int)position, v,
                (double)logits[v], expected);
    }
}

static void feed_and_compare(const bench *b, decoder *d, text_cache *cache, int64_t count, bool all,
    double tolerance, const char *what) {
    real logits[LENGTH][VOCABULARY];
    int64_t at = text_cache_length(cache), rows = all ? count : 1;
    ok(decoder_feed(d, cache, b->tokens + at, count, matrix_of(logits[0], rows, VOCABULARY)));
    assert_int_equal(text_cache_length(cache), at + count);
    for (int64_t i = 0; i < rows; i++) compare(b, at + count - rows + i, logits[i], tolerance, what);
}

static void in_pieces(const bench *b, decoder *d, double tolerance, const char *what) {
    static const int64_t pieces[][8] = {
        {LENGTH}, {1, 1, 1, 1, 36}, {3, 4, 7, 1, 25}, {20, 1, 1, 1, 1, 16}, {13, 2, 12, 1, 12}};
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        text_cache *cache;
        ok(decoder_begin(d, &cache));
        for (int i = 0; i < 8 && pieces[k][i]; i++)
            feed_and_compare(b, d, cache, pieces[k][i], (k + (size_t)i) % 2 == 0, tolerance, what);
        text_cache_destroy(cache);
    }
}

// Texts that begin at different times, so that they stand at different places of their segments.
static void beside_each_other(const bench *b, decoder *d, double tolerance, const char *what) {
    enum { TEXTS = 3, AHEAD = 5 };
    text_cache *caches[TEXTS];
    real alone[LENGTH][VOCABULARY], logits[TEXTS][VOCABULARY];
    int32_t tokens[TEXTS];
    ok(decoder_begin(d, &caches[0]));
    for (int i = 0; i < LENGTH; i++)
        ok(decoder_step(d, caches, &b->tokens[i], 1, matrix_of(alone[i], 1, VOCABULARY)));
    text_cache_destroy(caches[0]);
    for (int t = 0; t < TEXTS; t++) {
        ok(decoder_begin(d, &caches[t]));
        for (int i = 0; i < t * AHEAD; i++)
            ok(decoder_step(d, &caches[t], &b->tokens[i], 1, matrix_of(logits[0], 1, VOCABULARY)));
    }
    for (int i = 0; i < LENGTH - TEXTS * AHEAD; i++) {
        for (int t = 0; t < TEXTS; t++) tokens[t] = b->tokens[i + t * AHEAD];
        ok(decoder_step(d, caches, tokens, TEXTS, matrix_of(logits[0], TEXTS, VOCABULARY)));
        for (int t = 0; t < TEXTS; t++) {
            compare(b, i + t * AHEAD, logits[t], tolerance, what);
            assert_memory_equal(logits[t], alone[i + t * AHEAD], sizeof alone[0]);
        }
    }
    for (int t = 0; t < TEXTS; t++) text_cache_destroy(caches[t]);
}

// A clone goes on as its original does, whatever happens to that meanwhile.
static void cloned(const bench *b, decoder *d, double tolerance, const char *what) {
    text_cache *first, *second;
    real logits[VOCABULARY];
    static const int32_t other[] = {1, 2, 3, 4, 5, 6, 7, 8};
    ok(decoder_begin(d, &first));
    feed_and_compare(b, d, first, 25, false, tolerance, what);
    ok(text_cache_clone(first, &second));
    ok(decoder_feed(d, first, other, 8, matrix_of(logits, 1, VOCABULARY)));
    text_cache_destroy(first);
    feed_and_compare(b, d, second, 1, true, tolerance, what);
    feed_and_compare(b, d, second, LENGTH - 26, true, tolerance, what);
    text_cache_destroy(second);
}

static void check(const char *variant, int router, dtype operands, double tolerance) {
    char what[64];
    model_config config = config_of(variant, router);
    // Where rounding may fall the other way, no choice may depend on it.
    if (operands == TYPE_BF16 && strcmp(variant, "moe") == 0) {
        config.ff.moe.k = config.ff.moe.n_experts;
        config.ff.moe.channels_kept = 0;
    }
    bench b = open_bench(&config, operands);
    for (int64_t segments = 0; segments < 3; segments++) {
        decoder *d;
        snprintf(what, sizeof what, "%s %d, %d segments", variant, router, (int)segments);
        expect_segments(&b, segments);
        ok(decoder_create(b.model, &b.work, segments * UNROLL, 0, 1, &d));
        in_pieces(&b, d, tolerance, what);
        beside_each_other(&b, d, tolerance, what);
        cloned(&b, d, tolerance, what);
        decoder_destroy(d);
    }
    // Room for no more than the text: a memory that it never fills.
    decoder *d;
    expect_segments(&b, 1000);
    ok(decoder_create(b.model, &b.work, 1000 * UNROLL, LENGTH, 1, &d));
    in_pieces(&b, d, tolerance, "longest");
    beside_each_other(&b, d, tolerance, "longest");
    decoder_destroy(d);
    close_bench(&b);
}

static void equal_to_segments(void **state) {
    (void)state;
    check("dense", 0, TYPE_REAL, 1e-5);
    check("topk", 0, TYPE_REAL, 1e-5);
    check("topk", 1, TYPE_REAL, 1e-5);
    check("pkm", 0, TYPE_REAL, 1e-5);
    check("pkm", 1, TYPE_REAL, 1e-5);
    for (int router = 0; router_names[router]; router++) check("moe", router, TYPE_REAL, 1e-5);
}

static void equal_to_segments_bf16(void **state) {
    (void)state;
    check("dense", 0, TYPE_BF16, 0.05);
    check("moe", 0, TYPE_BF16, 0.05);
}

// A memory that is no whole number of segments: a segment sees `memory` rows before its first. With one layer, nothing older
// can have any effect.
static void any_number_of_rows(void **state) {
    (void)state;
    enum { MEMORY = 4, OLDEST = 2 * UNROLL - MEMORY };
    model_config config = config_of("dense", 0);
    config.n_layers = 1;
    bench b = open_bench(&config, TYPE_REAL);
    decoder *d;
    ok(decoder_create(b.model, &b.work, MEMORY, 0, 1, &d));
    static const int changed[] = {LENGTH - 1, OLDEST - 1, OLDEST}; // the first is beyond what is fed
    real logits[3][VOCABULARY];
    for (int k = 0; k < 3; k++) {
        text_cache *cache;
        int32_t kept = b.tokens[changed[k]];
        b.tokens[changed[k]] = (kept + 1) % VOCABULARY;
        ok(decoder_begin(d, &cache));
        ok(decoder_feed(d, cache, b.tokens, 3 * UNROLL, matrix_of(logits[k], 1, VOCABULARY)));
        b.tokens[changed[k]] = kept;
        text_cache_destroy(cache);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    bool differs = false;
    for (int v = 0; v < VOCABULARY; v++) differs |= logits[0][v] != logits[2][v];
    assert_true(differs);
    decoder_destroy(d);
    close_bench(&b);
}

// Where rounded copies alone are stored, logits are those of a model that has its values, too.
static void rounded_weights_alone(void **state) {
    (void)state;
    static const char *const variants[] = {"dense", "topk", "pkm", "moe", "pkm"};
    for (int i = 0; i < 5; i++) {
        model_config config = config_of(variants[i], i < 4);
        workspace work;
        real logits[2][LENGTH * VOCABULARY];
        int32_t tokens[LENGTH];
        for (int t = 0; t < LENGTH; t++) tokens[t] = 5 * t % VOCABULARY;
        ok(workspace_open(1, &work));
        for (int rounded = 0; rounded < 2; rounded++) {
            transformer *model;
            decoder *d;
            text_cache *cache;
            ok(transformer_create(&config, rounded ? STORE_ROUNDED : STORE_VALUES, &model));
            parameters_initialize(&work.kernel, transformer_parameters(model), 1);
            assert_null(parameters_not_finite(transformer_parameters(model)));
            if (!rounded) transformer_set_operands(model, TYPE_BF16);
            ok(decoder_create(model, &work, UNROLL, 0, 1, &d));
            ok(decoder_begin(d, &cache));
            ok(decoder_feed(d, cache, tokens, LENGTH, matrix_of(logits[rounded], LENGTH, VOCABULARY)));
            const parameter *q = parameters_find(transformer_parameters(model), "layers.0.attn.q.weight");
            assert_true((q->value == NULL) == rounded && q->rounded);
            text_cache_destroy(cache);
            decoder_destroy(d);
            transformer_destroy(model);
        }
        assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
        workspace_close(&work);
    }
}

// The values become what they are in 8 bits.
static void round_to_8_bits(parameter_list *list) {
    static int8_t numbers[VOCABULARY * 100];
    static float scale[1000];
    for (int i = 0; i < parameters_length(list); i++) {
        parameter *p = parameters_at(list, i);
        if (!p->product || !p->large) continue;
        matrix m = parameter_matrix(p, p->value);
        assert_true(p->count <= (int64_t)sizeof numbers && m.rows <= 1000);
        quantize_rows(p->value, m.rows, m.cols, numbers, scale);
        dequantize_rows(numbers, scale, m.rows, m.cols, p->value);
    }
}

// A text at once, then two more tokens of it, alone and beside others.
static void decode_text(transformer *model, const workspace *work, real *logits) {
    decoder *d;
    text_cache *caches[3];
    int32_t tokens[LENGTH];
    for (int t = 0; t < LENGTH; t++) tokens[t] = 5 * t % VOCABULARY;
    ok(decoder_create(model, work, UNROLL, 0, 1, &d));
    ok(decoder_begin(d, &caches[0]));
    ok(decoder_feed(d, caches[0], tokens, LENGTH, matrix_of(logits, LENGTH, VOCABULARY)));
    for (int i = 1; i < 3; i++) ok(text_cache_clone(caches[0], &caches[i]));
    logits += LENGTH * VOCABULARY;
    ok(decoder_step(d, caches, tokens, 1, matrix_of(logits, 1, VOCABULARY)));
    ok(decoder_step(d, caches, tokens, 3, matrix_of(logits + VOCABULARY, 3, VOCABULARY)));
    for (int i = 0; i < 3; i++) text_cache_destroy(caches[i]);
    decoder_destroy(d);
}

// Where weights are kept in 8 bits alone, logits are those of a model with the weights that they stand for.
static void weights_in_8_bits_alone(void **state) {
    (void)state;
    static const char *const variants[] = {"dense", "topk", "pkm", "moe", "pkm", "moe"};
    enum { ROWS = LENGTH + 4 };
    static real logits[2][ROWS * VOCABULARY];
    for (int i = 0; i < 6; i++) {
        model_config config = config_of(variants[i], i < 4); // moe 0: some channels are masked
        workspace work;
        ok(workspace_open(2, &work));
        for (int narrow = 0; narrow < 2; narrow++) {
            transformer *model;
            ok(transformer_create(&config, narrow ? STORE_QUANTIZED : STORE_VALUES, &model));
            parameters_initialize(&work.kernel, transformer_parameters(model), 1);
            assert_null(parameters_not_finite(transformer_parameters(model)));
            if (!narrow) round_to_8_bits(transformer_parameters(model));
            const parameter *q = parameters_find(transformer_parameters(model), "layers.0.attn.q.weight");
            assert_true((q->value == NULL) == narrow && (q->numbers != NULL) == narrow);
            decode_text(model, &work, logits[narrow]);
            transformer_destroy(model);
        }
        for (int k = 0; k < ROWS * VOCABULARY; k++)
            if (!(fabsf(logits[0][k] - logits[1][k]) <= 1e-5f))
                fail_msg(
                    "%s, row %d: %g in 8 bits, %g", variants[i], k / VOCABULARY, logits[1][k], logits[0][k]);
        workspace_close(&work);
    }
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    model_config config = config_of("dense", 0);
    bench b = open_bench(&config, TYPE_REAL);
    decoder *d;
    assert_int_equal(decoder_create(b.model, &b.work, INT64_MAX, 0, 1, &d), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(decoder_create(b.model, &b.work, INT64_MAX / 4, 0, 1, &d), SIGMOE_BAD_ARGUMENT);
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_segments),
        cmocka_unit_test(equal_to_segments_bf16),
        cmocka_unit_test(any_number_of_rows),
        cmocka_unit_test(rounded_weights_alone),
        cmocka_unit_test(weights_in_8_bits_alone),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
