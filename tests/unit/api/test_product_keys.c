// The operations of a product-key memory, against plain loops.
#include "sigmoe.h"

#include "base/arena.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 37, N = 11, COUNT = 6, TOKENS = 29, SLOTS = 5, VALUES = 23, WIDTH = 19 };

static float number(int64_t i, int key) {
    return (float)sin(12.9898 * (double)i + 78.233 * key);
}

static float *numbers(int64_t count, int key) {
    float *x = malloc((size_t)count * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < count; i++) x[i] = number(i, key);
    return x;
}

// The position that the sum i, j would have among all sums of the row.
static int rank_of(const float *a, const float *b, int64_t value) {
    float score = a[value / N] + b[value % N];
    int rank = 0;
    for (int64_t other = 0; other < N * N; other++) {
        float theirs = a[other / N] + b[other % N];
        rank += theirs > score || (theirs == score && other < value);
    }
    return rank;
}

static void finds_the_largest_sums(void **state) {
    (void)state;
    float *a = numbers(ROWS * N, 1), *b = numbers(ROWS * N, 2), scores[ROWS * COUNT];
    int64_t index[ROWS * COUNT];
    for (int i = 0; i < ROWS * N; i += 3) a[i] = roundf(2 * a[i]); // ties
    assert_int_equal(sigmoe_product_key_top_k(a, b, ROWS, N, COUNT, scores, index), SIGMOE_OK);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < COUNT; i++) {
            int64_t value = index[r * COUNT + i];
            assert_true(scores[r * COUNT + i] == a[r * N + value / N] + b[r * N + value % N]);
            assert_int_equal(rank_of(a + r * N, b + r * N, value), i);
        }
    free(a), free(b);
}

typedef struct memory {
    sigmoe_weighted_rows_call call;
    float *rows, *weight, *dy;
    int64_t index[TOKENS * SLOTS];
} memory;

static void memory_make(memory *m) {
    m->rows = numbers(VALUES * WIDTH, 3);
    m->weight = numbers(TOKENS * SLOTS, 4);
    m->dy = numbers(TOKENS * WIDTH, 5);
    for (int i = 0; i < TOKENS * SLOTS; i++) m->index[i] = (i * 7 + i / 3) % (VALUES - 1); // the last: never
    for (int i = 0; i < TOKENS * SLOTS; i += 4) m->weight[i] = 0;
    sigmoe_weighted_rows_call_defaults(&m->call);
    m->call.tokens = TOKENS, m->call.slots = SLOTS, m->call.count = VALUES, m->call.width = WIDTH;
    m->call.rows = m->rows, m->call.index = m->index, m->call.weight = m->weight;
}

static void memory_free(memory *m) {
    free(m->rows), free(m->weight), free(m->dy);
}

static void assert_near(double got, double expected) {
    if (fabs(got - expected) > 1e-5) fail_msg("%.9g instead of %.9g", got, expected);
}

static void check_y(const memory *m, const float *y) {
    for (int t = 0; t < TOKENS; t++)
        for (int c = 0; c < WIDTH; c++) {
            double sum = 0;
            for (int p = t * SLOTS; p < (t + 1) * SLOTS; p++)
                sum += (double)m->weight[p] * m->rows[m->index[p] * WIDTH + c];
            assert_near(y[t * WIDTH + c], sum);
        }
}

static void check_gradients(const memory *m, const float *drows, const float *dweight, double before) {
    double expected[VALUES * WIDTH];
    for (int i = 0; i < VALUES * WIDTH; i++) expected[i] = before;
    for (int p = 0; p < TOKENS * SLOTS; p++) {
        double dot = 0;
        for (int c = 0; c < WIDTH; c++) {
            double dy = m->dy[p / SLOTS * WIDTH + c];
            dot += dy * m->rows[m->index[p] * WIDTH + c];
            expected[m->index[p] * WIDTH + c] += dy * m->weight[p];
        }
        assert_near(dweight[p], dot);
    }
    for (int i = 0; i < VALUES * WIDTH; i++) assert_near(drows[i], expected[i]);
}

static void sums_weighted_rows(void **state) {
    (void)state;
    memory m;
    memory_make(&m);
    float y[TOKENS * WIDTH], drows[VALUES * WIDTH], dweight[TOKENS * SLOTS];
    assert_int_equal(sigmoe_weighted_rows(&m.call, y), SIGMOE_OK);
    check_y(&m, y);
    for (int i = 0; i < VALUES * WIDTH; i++) drows[i] = 2;
    assert_int_equal(sigmoe_weighted_rows_backward(&m.call, m.dy, drows, dweight, true), SIGMOE_OK);
    check_gradients(&m, drows, dweight, 2);
    assert_int_equal(sigmoe_weighted_rows_backward(&m.call, m.dy, drows, dweight, false), SIGMOE_OK);
    check_gradients(&m, drows, dweight, 0);
    assert_int_equal(sigmoe_weighted_rows_backward(&m.call, m.dy, NULL, NULL, false), SIGMOE_OK);
    memory_free(&m);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    memory m;
    memory_make(&m);
    float y[3][TOKENS * WIDTH], drows[3][VALUES * WIDTH], dweight[3][TOKENS * SLOTS];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sigmoe_layer_threads(i + 1), SIGMOE_OK);
        assert_int_equal(sigmoe_weighted_rows(&m.call, y[i]), SIGMOE_OK);
        assert_int_equal(
            sigmoe_weighted_rows_backward(&m.call, m.dy, drows[i], dweight[i], false), SIGMOE_OK);
        assert_memory_equal(y[i], y[0], sizeof y[0]);
        assert_memory_equal(drows[i], drows[0], sizeof drows[0]);
        assert_memory_equal(dweight[i], dweight[0], sizeof dweight[0]);
    }
    assert_int_equal(sigmoe_layer_threads(0), SIGMOE_OK);
    memory_free(&m);
}

static void assert_refused(sigmoe_status status, const char *part) {
    assert_int_equal(status, SIGMOE_BAD_ARGUMENT);
    if (!strstr(sigmoe_message(), part)) fail_msg("%s", sigmoe_message());
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    memory m;
    memory_make(&m);
    float y[TOKENS * WIDTH], x[N] = {0};
    int64_t index[N];
    assert_refused(sigmoe_product_key_top_k(x, x, 1, N, N, y, index), "count 11");
    assert_refused(sigmoe_product_key_top_k(x, x, -1, N, 1, y, index), "-1 rows");
    assert_refused(sigmoe_product_key_top_k(x, x, INT64_MAX, N, 1, y, index), "overflow");
    assert_refused(sigmoe_product_key_top_k(x, NULL, 1, N, 1, y, index), "NULL");
    assert_refused(sigmoe_product_key_top_k(x, x, 0, 1 << 20, 1, y, index), "31 bits");
    assert_int_equal(sigmoe_product_key_top_k(NULL, NULL, 0, N, 1, NULL, NULL), SIGMOE_OK);
    m.index[7] = VALUES;
    assert_refused(sigmoe_weighted_rows(&m.call, y), "is 23 at [1, 2], but there are rows 0 to 22");
    m.index[7] = -1;
    assert_refused(sigmoe_weighted_rows_backward(&m.call, m.dy, NULL, NULL, false), "is -1 at [1, 2]");
    m.index[7] = 0;
    assert_refused(sigmoe_weighted_rows(&m.call, NULL), "NULL");
    m.call.slots = 0;
    assert_refused(sigmoe_weighted_rows(&m.call, y), "0 slots");
    m.call.slots = INT64_MAX;
    assert_refused(sigmoe_weighted_rows(&m.call, y), "31 bits");
    m.call.size = 0;
    assert_refused(sigmoe_weighted_rows(&m.call, y), "sigmoe_weighted_rows_call_defaults");
    memory_free(&m);
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    memory m;
    memory_make(&m);
    float y[TOKENS * WIDTH], drows[VALUES * WIDTH];
    arena_fail_after(0);
    assert_int_equal(sigmoe_weighted_rows(&m.call, y), SIGMOE_NO_MEMORY);
    for (int successes = 0; successes < 4; successes++) {
        arena_fail_after(successes);
        assert_int_equal(sigmoe_weighted_rows_backward(&m.call, m.dy, drows, NULL, false), SIGMOE_NO_MEMORY);
    }
    arena_fail_after(-1);
    assert_int_equal(sigmoe_weighted_rows_backward(&m.call, m.dy, drows, NULL, false), SIGMOE_OK);
    memory_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_largest_sums),
        cmocka_unit_test(sums_weighted_rows),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(lack_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("product keys", tests, NULL, NULL);
}
