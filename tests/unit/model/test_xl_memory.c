// The memory holds the last rows of each sequence, whatever the lengths of the segments.
#include "model/xl_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { BATCH = 2, WIDTH = 3, UNROLL = 4, LONGEST = 9 };

static void ok(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

// Row `position` of sequence b, anywhere, is filled with this.
static real mark(int64_t b, int64_t position) {
    return (real)(100 * b + position);
}

static void feed(const kernel_context *kernel, xl_memory *memory, int64_t from, int64_t length) {
    real x[BATCH * LONGEST * WIDTH];
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t i = 0; i < length; i++)
            for (int c = 0; c < WIDTH; c++) x[(b * length + i) * WIDTH + c] = mark(b, from + i);
    xl_memory_remember(kernel, memory, 0, matrix_of(x, BATCH * length, WIDTH), length);
    xl_memory_advance(memory, length);
}

static void expect(const xl_memory *memory, int64_t from, int64_t length) {
    assert_int_equal(xl_memory_length(memory), length);
    real rows[BATCH * 64 * WIDTH];
    xl_memory_export(memory, 0, rows);
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t i = 0; i < length; i++)
            for (int c = 0; c < WIDTH; c++)
                assert_true(rows[(b * length + i) * WIDTH + c] == mark(b, from + i));
}

static void keeps_the_last_rows(void **state) {
    (void)state;
    threads *pool;
    arena *scratch;
    ok(threads_create(2, &pool));
    ok(arena_create("scratch", &scratch));
    kernel_context kernel = {pool, scratch};
    model_config config = {.d_model = WIDTH, .n_layers = 1};
    for (int64_t segments = 0; segments < 4; segments++) {
        xl_memory *memory;
        ok(xl_memory_create(&config, BATCH, segments, UNROLL, &memory));
        int64_t capacity = segments * UNROLL, end = 0;
        static const int64_t lengths[] = {4, 4, 1, 4, 3, 4, 9, 2};
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            feed(&kernel, memory, end, lengths[i]);
            end += lengths[i];
            int64_t length = end < capacity ? end : capacity;
            expect(memory, end - length, length);
        }
        xl_memory_reset(memory);
        expect(memory, 0, 0);
        xl_memory_destroy(memory);
    }
    arena_destroy(scratch);
    threads_destroy(pool);
}

static void join_puts_memory_first(void **state) {
    (void)state;
    threads *pool;
    arena *scratch;
    ok(threads_create(1, &pool));
    ok(arena_create("scratch", &scratch));
    kernel_context kernel = {pool, scratch};
    model_config config = {.d_model = WIDTH, .n_layers = 1};
    xl_memory *memory;
    ok(xl_memory_create(&config, BATCH, 1, UNROLL, &memory));
    feed(&kernel, memory, 0, 4);
    real x[BATCH * 2 * WIDTH], joined[BATCH * 6 * WIDTH];
    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < 2 * WIDTH; i++) x[b * 2 * WIDTH + i] = mark(b, 4 + i / WIDTH);
    xl_memory_join(
        &kernel, memory, 0, matrix_of(x, BATCH * 2, WIDTH), 2, matrix_of(joined, BATCH * 6, WIDTH));
    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < 6 * WIDTH; i++) assert_true(joined[b * 6 * WIDTH + i] == mark(b, i / WIDTH));
    xl_memory_destroy(memory);
    arena_destroy(scratch);
    threads_destroy(pool);
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    model_config config = {.d_model = INT64_C(1) << 20, .n_layers = 1};
    xl_memory *memory;
    assert_int_equal(
        xl_memory_create(&config, INT64_C(1) << 30, 4096, 1 << 20, &memory), SIGMOE_BAD_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last_rows),
        cmocka_unit_test(join_puts_memory_first),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
