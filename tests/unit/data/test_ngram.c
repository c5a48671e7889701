// The n-gram model against probabilities worked out by hand, and as a distribution.
#include "data/ngram.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
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

// c(0) = 2, c(1) = 3; after 0: 1 1; after 1: 0 1; after 01: 0 1; after 10: 1; after 010: 1; after 101: 1.
static const uint8_t few[] = {0, 1, 0, 1, 1};

static void hand_computed(void **state) {
    (void)state;
    ngram_model *m;
    assert_int_equal(ngram_train(a, few, 5, 2, &quiet, &m), SIGMOE_OK);
    const double p0 = 4.0 / 7;             // (3 + 2·1/2) / (5 + 2)
    const double p1_after_0 = 6.0 / 7;     // (2 + 1·4/7) / (2 + 1)
    const double p1_after_1 = 15.0 / 28;   // (1 + 2·4/7) / (2 + 2)
    const double p2_after_01 = 29.0 / 56;  // (1 + 2·15/28) / (2 + 2)
    const double p2_after_10 = 13.0 / 14;  // (1 + 1·6/7) / (1 + 1)
    const double p3_after_010 = 27.0 / 28; // (1 + 1·13/14) / (1 + 1)
    const double p3_after_101 = (1 + p2_after_01) / 2;
    const uint8_t h010[] = {0, 1, 0}, h111[] = {1, 1, 1}, h0101[] = {0, 1, 0, 1};
    assert_near(ngram_probability(m, few, 0, 1), p0);
    assert_near(ngram_probability(m, h010, 1, 1), p1_after_0);
    assert_near(ngram_probability(m, h010, 2, 1), p2_after_01);
    assert_near(ngram_probability(m, h010 + 1, 2, 1), p2_after_10);
    assert_near(ngram_probability(m, h010, 3, 1), p3_after_010);
    assert_near(ngram_probability(m, h0101, 4, 1), p3_after_101); // only the last three count
    assert_near(ngram_probability(m, h111, 3, 1), p1_after_1);    // 11 was never followed
    double nats = -log(p1_after_0) - log(1 - p2_after_01) - log(p3_after_010) - log(p3_after_101);
    double mean;
    assert_int_equal(ngram_nats(m, few, 5, &quiet, &mean), SIGMOE_OK);
    assert_near(mean, nats / 4);
}

static void every_context_sums_to_one(void **state) {
    (void)state;
    enum { TOKENS = 400, VOCABULARY = 5 };
    uint8_t tokens[TOKENS];
    random_stream stream = {.seed = 1, .purpose = RANDOM_TEST};
    for (int i = 0; i < TOKENS; i++) tokens[i] = (uint8_t)(random_bits(stream, (uint64_t)i) % VOCABULARY);
    ngram_model *m;
    assert_int_equal(ngram_train(a, tokens, TOKENS, VOCABULARY, &quiet, &m), SIGMOE_OK);
    for (int h = 0; h < VOCABULARY * VOCABULARY * VOCABULARY; h++) {
        uint8_t history[] = {(uint8_t)(h / 25), (uint8_t)(h / 5 % 5), (uint8_t)(h % 5)};
        for (int known = 0; known <= 3; known++) {
            double sum = 0;
            for (int w = 0; w < VOCABULARY; w++) sum += ngram_probability(m, history, known, (uint8_t)w);
            assert_near(sum, 1);
        }
    }
}

// The largest vocabulary, its last token included, and no more tokens than one context needs.
static void edges(void **state) {
    (void)state;
    static const uint8_t tokens[] = {255, 255, 255, 255, 0};
    ngram_model *m;
    assert_int_equal(ngram_train(a, tokens, 5, NGRAM_MOST_VOCABULARY, &quiet, &m), SIGMOE_OK);
    assert_true(ngram_probability(m, tokens, 3, 255) > 0.3);
    assert_true(ngram_probability(m, tokens, 3, 7) > 0);
    assert_int_equal(ngram_train(a, tokens, 1, NGRAM_MOST_VOCABULARY, &quiet, &m), SIGMOE_OK);
    assert_near(ngram_probability(m, tokens, 3, 255), (1 + 1.0 / 256) / 2);
}

// Either of the two stops at its first look.
static void stops_on_request(void **state) {
    (void)state;
    const sigmoe_flag stop = 1;
    const sigmoe_observer insistent = {.stop = &stop};
    progress_meter meter;
    ngram_model *m;
    double mean;
    progress_begin(&meter, &insistent, "n-grams", "tokens", 0, NAN);
    assert_int_equal(ngram_train(a, few, 5, 2, &meter, &m), SIGMOE_INTERRUPTED);
    assert_int_equal(ngram_train(a, few, 5, 2, &quiet, &m), SIGMOE_OK);
    assert_int_equal(ngram_nats(m, few, 5, &meter, &mean), SIGMOE_INTERRUPTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hand_computed, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(every_context_sums_to_one, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(edges, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(stops_on_request, make_arena, drop_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
