// Reserved memory is there in one piece, and work that repeats finds it again.
#include "base/arena.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

enum { PIECES = 50, PIECE = 40000 };

// What was taken lies behind each other: pieces of one chunk.
static bool in_one_piece(arena *a) {
    char *before = NULL;
    bool one = true;
    for (int i = 0; i < PIECES; i++) {
        char *piece = arena_take(a, PIECE, 1);
        assert_non_null(piece);
        if (before) one = one && piece > before && piece - before < PIECE + 256;
        before = piece;
    }
    return one;
}

static void test_reserve(void **state) {
    (void)state;
    arena *a;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    arena_mark mark = arena_here(a);
    assert_int_equal(arena_reserve(a, PIECES * (PIECE + 256)), SIGMOE_OK);
    assert_true(in_one_piece(a));
    arena_release(a, mark);
    assert_true(in_one_piece(a));
    arena_destroy(a);
}

// Resetting the peak does not make an arena forget how much a round takes.
static void test_rounds_settle(void **state) {
    (void)state;
    arena *a;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    arena_mark mark = arena_here(a);
    assert_false(in_one_piece(a));
    arena_release(a, mark);
    arena_reset_peak(a);
    assert_true(in_one_piece(a));
    arena_destroy(a);
}

static void test_reserving_too_much(void **state) {
    (void)state;
    arena *a;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(arena_reserve(a, SIZE_MAX / 4), SIGMOE_NO_MEMORY);
    assert_non_null(strstr(sigmoe_message(), "test arena"));
    assert_non_null(arena_take(a, 10, 1));
    arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_rounds_settle),
        cmocka_unit_test(test_reserving_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
