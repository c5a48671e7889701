// The n-gram model against probabilities worked out by hand, against its definition, and as a distribution.
#include "data/ngram.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static arena *a;
static progress_meter quiet; // nobody watches

static int make_arena(void **state) {
    (void)state;
    return arena_create("test", &a) == SIGMOE_OK ? 0 : -1;
}

static int drop_arena(void **state) {
    (void)state;
    arena_destroy(a);
    return 0;
}

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.17g, expected %.17g", got, expected);
}

// P_k(next | history) for each order k of the model.
static void probabilities_of(
    const ngram_model *m, const int32_t *history, int known, int32_t next, double out[NGRAM_MOST_ORDER + 1]) {
    ngram_history h;
    ngram_history_begin(&h);
    for (int i = 0; i < known; i++) ngram_next(m, &h, history[i], out);
    ngram_next(m, &h, next, out);
}

// c(0) = 2, c(1) = 3; after 0: 1 1; after 1: 0 1; after 01: 0 1; after 10: 1; after 010: 1; after 101: 1.
static const int32_t few[] = {0, 1, 0, 1, 1};

static void hand_computed(void **state) {
    (void)state;
    enum { ORDER = 3 };
    ngram_model *m;
    assert_int_equal(ngram_train(a, few, 5, 2, ORDER, NGRAM_MOST_NODES, &quiet, &m), SIGMOE_OK);
    assert_int_equal(ngram_order(m), ORDER);
    const double p0 = 4.0 / 7;             // (3 + 2·1/2) / (5 + 2)
    const double p1_after_0 = 6.0 / 7;     // (2 + 1·4/7) / (2 + 1)
    const double p1_after_1 = 15.0 / 28;   // (1 + 2·4/7) / (2 + 2)
    const double p2_after_01 = 29.0 / 56;  // (1 + 2·15/28) / (2 + 2)
    const double p2_after_10 = 13.0 / 14;  // (1 + 1·6/7) / (1 + 1)
    const double p3_after_010 = 27.0 / 28; // (1 + 1·13/14) / (1 + 1)
    const double p3_after_101 = (1 + p2_after_01) / 2;
    const struct {
        int known;
        int32_t history[4];
        double of_order[ORDER + 1]; // of 1
    } cases[] = {
        {0, {0}, {p0, p0, p0, p0}}, {1, {0}, {p0, p1_after_0, p1_after_0, p1_after_0}},
        {2, {0, 1}, {p0, p1_after_1, p2_after_01, p2_after_01}},
        {2, {1, 0}, {p0, p1_after_0, p2_after_10, p2_after_10}},
        {3, {0, 1, 0}, {p0, p1_after_0, p2_after_10, p3_after_010}},
        {4, {0, 1, 0, 1}, {p0, p1_after_1, p2_after_01, p3_after_101}}, // only the last three count
        {3, {1, 1, 1}, {p0, p1_after_1, p1_after_1, p1_after_1}},       // 11 was never followed
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got[NGRAM_MOST_ORDER + 1];
        probabilities_of(m, cases[i].history, cases[i].known, 1, got);
        for (int k = 0; k <= ORDER; k++) assert_near(got[k], cases[i].of_order[k]);
    }
}

// ---------------------------------------------------------------- another implementation

// The definition, word for word: counts by going through the whole text for each question.
static double by_definition(
    const int32_t *text, int count, int vocabulary, const int32_t *context, int order, int32_t next) {
    double shorter =
        order == 0 ? 1.0 / vocabulary : by_definition(text, count, vocabulary, context + 1, order - 1, next);
    int seen = 0, hits = 0, distinct = 0;
    bool *followed = calloc((size_t)vocabulary, sizeof *followed);
    assert_non_null(followed);
    for (int i = 0; i + order < count; i++) {
        if (memcmp(text + i, context, (size_t)order * sizeof *context) != 0) continue;
        int32_t follower = text[i + order];
        seen++;
        hits += follower == next;
        distinct += !followed[follower];
        followed[follower] = true;
    }
    free(followed);
    return seen ? (hits + distinct * shorter) / (seen + distinct) : shorter;
}

enum { TRAINING = 3000, SCORED = 300 };

// Of a few tokens, so that long contexts occur again, and now and then of all.
static void make_tokens(int32_t *out, int count, int vocabulary, uint64_t seed) {
    random_stream stream = {.seed = seed, .purpose = RANDOM_TEST};
    for (int i = 0; i < count; i++) {
        uint64_t bits = random_bits(stream, (uint64_t)i);
        out[i] = (int32_t)(bits % 8 ? bits / 8 % 3 : bits / 8 % (uint64_t)vocabulary);
    }
}

static void every_order_is_as_defined(void **state) {
    (void)state;
    static const int vocabularies[] = {3, 256, 8000};
    static int32_t training[TRAINING], scored[SCORED];
    for (int v = 0; v < 3; v++) {
        ngram_model *m;
        ngram_history h;
        make_tokens(training, TRAINING, vocabularies[v], 1);
        make_tokens(scored, SCORED, vocabularies[v], 2);
        assert_int_equal(ngram_train(a, training, TRAINING, vocabularies[v], NGRAM_MOST_ORDER,
                             NGRAM_MOST_NODES, &quiet, &m),
            SIGMOE_OK);
        ngram_history_begin(&h);
        for (int i = 0; i < SCORED; i++) {
            double got[NGRAM_MOST_ORDER + 1];
            ngram_next(m, &h, scored[i], got);
            for (int k = 0; k <= NGRAM_MOST_ORDER; k++) {
                int known = k < i ? k : i;
                assert_near(got[k],
                    by_definition(training, TRAINING, vocabularies[v], scored + i - known, known, scored[i]));
            }
        }
    }
}

static void every_context_sums_to_one(void **state) {
    (void)state;
    enum { TOKENS = 400, VOCABULARY = 5 };
    int32_t tokens[TOKENS];
    random_stream stream = {.seed = 1, .purpose = RANDOM_TEST};
    for (int i = 0; i < TOKENS; i++) tokens[i] = (int32_t)(random_bits(stream, (uint64_t)i) % VOCABULARY);
    ngram_model *m;
    assert_int_equal(
        ngram_train(a, tokens, TOKENS, VOCABULARY, NGRAM_MOST_ORDER, NGRAM_MOST_NODES, &quiet, &m),
        SIGMOE_OK);
    for (int h = 0; h < VOCABULARY * VOCABULARY * VOCABULARY; h++) {
        int32_t history[] = {h / 25, h / 5 % 5, h % 5};
        for (int known = 0; known <= 3; known++) {
            double got[NGRAM_MOST_ORDER + 1], sums[NGRAM_MOST_ORDER + 1] = {0};
            for (int w = 0; w < VOCABULARY; w++) {
                probabilities_of(m, history, known, w, got);
                for (int k = 0; k <= NGRAM_MOST_ORDER; k++) sums[k] += got[k];
            }
            for (int k = 0; k <= NGRAM_MOST_ORDER; k++) assert_near(sums[k], 1);
        }
    }
}

// ---------------------------------------------------------------- limits

// The largest token, and texts no longer than one context.
static void edges(void **state) {
    (void)state;
    enum { LARGEST = NGRAM_MOST_VOCABULARY - 1 };
    static const int32_t tokens[] = {LARGEST, LARGEST, LARGEST, LARGEST, 0};
    double got[NGRAM_MOST_ORDER + 1];
    ngram_model *m;
    assert_int_equal(
        ngram_train(a, tokens, 5, NGRAM_MOST_VOCABULARY, NGRAM_MOST_ORDER, NGRAM_MOST_NODES, &quiet, &m),
        SIGMOE_OK);
    probabilities_of(m, tokens, 4, 0, got);
    assert_true(got[NGRAM_MOST_ORDER] > 0.3 && got[NGRAM_MOST_ORDER] < 1);
    probabilities_of(m, tokens, 4, 7, got);
    assert_true(got[NGRAM_MOST_ORDER] > 0);
    for (int count = 0; count <= 1; count++) {
        assert_int_equal(ngram_train(a, tokens, count, NGRAM_MOST_VOCABULARY, NGRAM_MOST_ORDER,
                             NGRAM_MOST_NODES, &quiet, &m),
            SIGMOE_OK);
        probabilities_of(m, tokens, 3, LARGEST, got);
        assert_near(got[NGRAM_MOST_ORDER], (count + 1.0 / NGRAM_MOST_VOCABULARY) / (count + 1));
    }
}

// What would need too many nodes has a lower order, and that one's probabilities.
static void bounded_memory(void **state) {
    (void)state;
    static int32_t tokens[TRAINING];
    make_tokens(tokens, TRAINING, 256, 1);
    ngram_model *whole, *bounded;
    assert_int_equal(
        ngram_train(a, tokens, TRAINING, 256, NGRAM_MOST_ORDER, NGRAM_MOST_NODES, &quiet, &whole), SIGMOE_OK);
    int last = NGRAM_MOST_ORDER + 1;
    for (int64_t nodes = 20000; nodes >= 256; nodes = nodes * 9 / 10) {
        double all[NGRAM_MOST_ORDER + 1], got[NGRAM_MOST_ORDER + 1];
        assert_int_equal(
            ngram_train(a, tokens, TRAINING, 256, NGRAM_MOST_ORDER, nodes, &quiet, &bounded), SIGMOE_OK);
        assert_true(ngram_order(bounded) <= last);
        last = ngram_order(bounded);
        probabilities_of(whole, tokens, 100, tokens[100], all);
        probabilities_of(bounded, tokens, 100, tokens[100], got);
        for (int k = 0; k <= last; k++) assert_near(got[k], all[k]);
    }
    assert_int_equal(last, 0);
}

static void stops_on_request(void **state) {
    (void)state;
    const sigmoe_flag stop = 1;
    const sigmoe_observer insistent = {.stop = &stop};
    progress_meter meter;
    ngram_model *m;
    progress_begin(&meter, &insistent, "n-grams", "tokens", 0, NAN);
    assert_int_equal(ngram_train(a, few, 5, 2, 3, NGRAM_MOST_NODES, &meter, &m), SIGMOE_INTERRUPTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hand_computed, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(every_order_is_as_defined, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(every_context_sums_to_one, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(edges, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(bounded_memory, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(stops_on_request, make_arena, drop_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
