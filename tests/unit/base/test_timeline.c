// What a pool's timeline notes: parts without gaps, also within each other, the rounds of each thread, and nothing unless it watches.
#include "base/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 3, TASKS = 40 };

static void nothing(void *context, int64_t task, int thread) {
    (void)context, (void)task, (void)thread;
}

static void inner(threads *pool) {
    THREADS_PART(pool, "inner");
    parallel_for(pool, TASKS, nothing, NULL);
}

static void outer(threads *pool) {
    THREADS_PART(pool, "outer");
    inner(pool);
    parallel_for(pool, 1, nothing, NULL);
}

static void check_part(const timeline_span *span, const char *part, int64_t begin) {
    assert_string_equal(span->part, part);
    assert_true(span->begin == begin || begin < 0);
    assert_true(span->end >= span->begin);
}

static void check_parts(const timeline *t) {
    static const char *const expected[] = {"rest", "outer", "inner", "outer", "rest"};
    int64_t count;
    const timeline_span *parts = timeline_parts(t, &count);
    assert_int_equal(count, 5);
    for (int i = 0; i < 5; i++) check_part(&parts[i], expected[i], i > 0 ? parts[i - 1].end : -1);
}

static void check_rounds(const timeline *t) {
    int64_t count, last;
    const timeline_span *parts = timeline_parts(t, &last);
    const timeline_span *own = timeline_rounds(t, 0, &count);
    assert_int_equal(count, 2);
    check_part(&own[0], "inner", -1);
    check_part(&own[1], "outer", -1);
    for (int i = 0; i < THREADS; i++) {
        const timeline_span *rounds = timeline_rounds(t, i, &count);
        assert_true(count <= 2); // a thread may come too late for a round
        for (int64_t r = 0; r < count; r++)
            assert_true(rounds[r].begin >= parts[0].begin && rounds[r].end <= parts[last - 1].end);
    }
}

static void parts_and_rounds_are_noted(void **state) {
    (void)state;
    threads *pool;
    timeline *t;
    assert_int_equal(threads_create(THREADS, &pool), SIGMOE_OK);
    assert_int_equal(timeline_create(THREADS, &t), SIGMOE_OK);
    for (int again = 0; again < 3; again++) {
        outer(pool); // nobody watches
        timeline_begin(t, "rest");
        threads_watch(pool, t);
        outer(pool);
        threads_watch(pool, NULL);
        timeline_turn_to(t, "rest");
        check_parts(t);
        check_rounds(t);
    }
    threads_destroy(pool);
    timeline_destroy(t);
}

static void a_full_timeline_says_so(void **state) {
    (void)state;
    timeline *t;
    int64_t count;
    assert_int_equal(timeline_create(1, &t), SIGMOE_OK);
    timeline_begin(t, "a");
    assert_false(timeline_is_full(t));
    for (int i = 0; i < 70000; i++) timeline_turn_to(t, "b");
    assert_true(timeline_is_full(t));
    timeline_parts(t, &count);
    assert_true(count < 70000);
    timeline_begin(t, "a");
    assert_false(timeline_is_full(t));
    timeline_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_and_rounds_are_noted),
        cmocka_unit_test(a_full_timeline_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
