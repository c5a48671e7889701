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

// A round whose inner part outgrows what the last one left: the next finds all of it in one chunk, and the same again.
static void test_nested_rounds_settle(void **state) {
    (void)state;
    enum { ROUNDS = 6, SETTLED = 3, OUTER = 100000, INNER = 1000000 };
    arena *a;
    char *settled = NULL;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_non_null(arena_take(a, 10, 1)); // what stays throughout
    for (int i = 0; i < ROUNDS; i++) {
        arena_mark round = arena_here(a);
        char *outer = arena_take(a, OUTER, 1);
        arena_mark inside = arena_here(a);
        char *inner = arena_take(a, INNER, 1);
        assert_true(outer && inner);
        if (i == SETTLED) settled = outer;
        if (i >= SETTLED) assert_true(inner > outer && inner - outer < OUTER + 256 && outer == settled);
        arena_release(a, inside);
        arena_release(a, round);
    }
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
        cmocka_unit_test(test_nested_rounds_settle),
        cmocka_unit_test(test_reserving_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
