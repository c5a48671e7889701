// The sampler against its description, written once more as plain loops over a sorted list.
#include "generate/sampling.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 300 };

static arena *memory;

static int32_t sampled(
    const sampling *s, const real *logits, int64_t n, const uint8_t *seen, sampling_place place) {
    real copy[MOST];
    int32_t token = -1;
    memcpy(copy, logits, (size_t)n * sizeof *copy);
    if (sample_token(s, memory, copy, n, seen, place, &token) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_int_equal(arena_bytes(memory), 0);
    return token;
}

// ---- The description ----

typedef struct entry {
    int token;
    double logit, p;
} entry;

static int by_logit(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->token - y->token;
}

static int by_token(const void *a, const void *b) {
    return ((const entry *)a)->token - ((const entry *)b)->token;
}

static void weigh(entry *e, int count) {
    double total = 0;
    for (int i = 0; i < count; i++) total += e[i].p = exp(e[i].logit - e[0].logit);
    for (int i = 0; i < count; i++) e[i].p /= total;
}

// The tokens that can be drawn, by id; returns how many.
static int kept(const sampling *s, const real *logits, int n, const uint8_t *seen, entry *e) {
    int count = n;
    for (int i = 0; i < n; i++) {
        double x = (double)logits[i];
        if (seen[i]) x = x > 0 ? x / s->repetition_penalty : x * s->repetition_penalty;
        e[i] = (entry){i, x / s->temperature, 0};
    }
    qsort(e, (size_t)n, sizeof *e, by_logit);
    if (s->top_k > 0 && s->top_k < count) count = (int)s->top_k;
    weigh(e, count);
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum += e[i].p;
        if (sum >= s->top_p) count = i + 1;
    }
    while (count > 1 && e[count - 1].p < s->min_p * e[0].p) count--;
    weigh(e, count);
    qsort(e, (size_t)count, sizeof *e, by_token);
    return count;
}

static double uniform_of(const sampling *s, sampling_place place) {
    random_stream stream = {.seed = s->seed, .step = place.prompt, .purpose = RANDOM_SAMPLING};
    return random_uniform(stream, (uint64_t)place.position);
}

static void draw_logits(real *logits, uint8_t *seen, int n, uint64_t key) {
    random_stream stream = {.seed = key, .purpose = RANDOM_TEST};
    for (int i = 0; i < n; i++) {
        logits[i] = (real)(2 * random_normal(stream, (uint64_t)i));
        seen[i] = random_uniform(stream, (uint64_t)(n + i)) < 0.3;
    }
}

static void as_described(const sampling *settings, int n) {
    real logits[MOST];
    uint8_t seen[MOST];
    entry e[MOST];
    for (int64_t i = 0; i < 300; i++) {
        sampling s = *settings;
        s.seed = 5;
        sampling_place place = {77, i};
        draw_logits(logits, seen, n, (uint64_t)i % 7);
        int count = kept(&s, logits, n, seen, e);
        int32_t token = sampled(&s, logits, n, seen, place);
        // The first token up to which the probabilities exceed u; where u is next to a limit, rounding decides.
        double u = uniform_of(&s, place), sum = 0;
        bool found = false;
        for (int k = 0; k < count; k++) {
            bool possible = u > sum - 1e-5 && u < sum + e[k].p + 1e-5;
            sum += e[k].p;
            if (e[k].token == token) found = possible;
        }
        if (!found)
            fail_msg("temperature %g, top_k %d, top_p %g, min_p %g, penalty %g: token %d at u %g",
                s.temperature, (int)s.top_k, s.top_p, s.min_p, s.repetition_penalty, token, u);
    }
}

static const sampling plain = {.temperature = 1, .top_p = 1, .repetition_penalty = 1};

static void each_setting(void **state) {
    (void)state;
    static const sampling settings[] = {
        {1, 0, 1, 0, 1, 0},
        {0.3, 0, 1, 0, 1, 0},
        {3, 0, 1, 0, 1, 0},
        {1, 1, 1, 0, 1, 0},
        {1, 5, 1, 0, 1, 0},
        {1, 1000, 1, 0, 1, 0},
        {1, 0, 0.5, 0, 1, 0},
        {1, 0, 0.99, 0, 1, 0},
        {1, 0, 1e-9, 0, 1, 0},
        {1, 0, 1, 0.2, 1, 0},
        {1, 0, 1, 1, 1, 0},
        {1, 0, 1, 0, 1.8, 0},
        {1, 0, 1, 0, 0.6, 0},
        {0.7, 20, 0.9, 0.05, 1.2, 0},
        {1e-30, 0, 1, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        as_described(&settings[i], 1);
        as_described(&settings[i], 17);
        as_described(&settings[i], MOST);
    }
}

static void greedy_takes_the_highest(void **state) {
    (void)state;
    sampling s = plain;
    s.temperature = 0;
    s.top_k = 3;
    const real logits[] = {-1, 2, 5, 5, 4}, below[] = {-3, -2, -2};
    const uint8_t none[5] = {0}, third[5] = {0, 0, 1, 0, 0};
    assert_int_equal(sampled(&s, logits, 5, none, (sampling_place){0}), 2);
    assert_int_equal(sampled(&s, below, 3, none, (sampling_place){0}), 1);
    s.repetition_penalty = 1.5;
    assert_int_equal(sampled(&s, logits, 5, third, (sampling_place){0}), 3);
    const uint8_t second[5] = {0, 1, 0, 0, 0};
    assert_int_equal(sampled(&s, below, 3, second, (sampling_place){0}), 2);
}

// At equal probability the lower id comes first, in every truncation.
static void ties(void **state) {
    (void)state;
    const real logits[] = {1, 1, 1, 1};
    const uint8_t none[4] = {0};
    for (int64_t position = 0; position < 100; position++) {
        sampling s = plain;
        s.top_k = 2;
        assert_true(sampled(&s, logits, 4, none, (sampling_place){1, position}) < 2);
        s = plain;
        s.top_p = 0.5;
        assert_true(sampled(&s, logits, 4, none, (sampling_place){1, position}) < 2);
    }
}

// Seed, prompt and place all matter, and nothing else does.
static void reproducible(void **state) {
    (void)state;
    real logits[MOST];
    uint8_t seen[MOST];
    int32_t drawn[4][100];
    draw_logits(logits, seen, MOST, 1);
    for (int64_t i = 0; i < 100; i++) {
        sampling s = plain, other = plain;
        other.seed = 1;
        drawn[0][i] = sampled(&s, logits, MOST, seen, (sampling_place){3, i});
        drawn[1][i] = sampled(&other, logits, MOST, seen, (sampling_place){3, i});
        drawn[2][i] = sampled(&s, logits, MOST, seen, (sampling_place){4, i});
        drawn[3][i] = sampled(&s, logits, MOST, seen, (sampling_place){3, i + 1});
        assert_int_equal(drawn[0][i], sampled(&s, logits, MOST, seen, (sampling_place){3, i}));
    }
    for (int k = 1; k < 4; k++) assert_memory_not_equal(drawn[0], drawn[k], sizeof drawn[0]);
    const int32_t ids[] = {1, 2}, swapped[] = {2, 1}, high[] = {1, 258};
    assert_true(prompt_key(ids, 2) != prompt_key(swapped, 2) && prompt_key(ids, 2) != prompt_key(ids, 1));
    assert_true(prompt_key(ids, 2) != prompt_key(high, 2));
}

static void wrong_settings(void **state) {
    (void)state;
    static const sampling wrong[] = {
        {-1, 0, 1, 0, 1, 0},
        {NAN, 0, 1, 0, 1, 0},
        {INFINITY, 0, 1, 0, 1, 0},
        {1, -1, 1, 0, 1, 0},
        {1, 0, 0, 0, 1, 0},
        {1, 0, 1.1, 0, 1, 0},
        {1, 0, NAN, 0, 1, 0},
        {1, 0, 1, -0.1, 1, 0},
        {1, 0, 1, 1.1, 1, 0},
        {1, 0, 1, 0, 0, 0},
        {1, 0, 1, 0, NAN, 0},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(sampling_check(&wrong[i]), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(sampling_check(&plain), SIGMOE_OK);
    real logits[] = {1, NAN, 2};
    const uint8_t none[3] = {0};
    int32_t token;
    assert_int_equal(
        sample_token(&plain, memory, logits, 3, none, (sampling_place){0}, &token), SIGMOE_NOT_FINITE);
}

static void short_memory(void **state) {
    (void)state;
    sampling s = {.temperature = 1, .top_k = 5, .top_p = 0.5, .repetition_penalty = 1};
    const uint8_t none[20] = {0};
    int failures = 0;
    for (int64_t successes = 0;; successes++) {
        real logits[20] = {1, 2, 3};
        int32_t token;
        arena_fail_after(successes);
        sigmoe_status status = sample_token(&s, memory, logits, 20, none, (sampling_place){0}, &token);
        arena_fail_after(-1);
        assert_int_equal(arena_bytes(memory), 0);
        if (status == SIGMOE_OK) break;
        assert_int_equal(status, SIGMOE_NO_MEMORY);
        failures++;
    }
    assert_int_equal(failures, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting),
        cmocka_unit_test(greedy_takes_the_highest),
        cmocka_unit_test(ties),
        cmocka_unit_test(reproducible),
        cmocka_unit_test(wrong_settings),
        cmocka_unit_test(short_memory),
    };
    if (cpu_init() != SIGMOE_OK || arena_create("test", &memory) != SIGMOE_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(memory);
    return failed;
}
