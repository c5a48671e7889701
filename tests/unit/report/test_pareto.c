// The Pareto front: no point of it is beaten, and every other is.
#include "report/pareto.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { POINTS = 30, DRAWS = 300 };

static bool beats(const cost_point *a, const cost_point *b) {
    return a->cost <= b->cost && a->score <= b->score && (a->cost < b->cost || a->score < b->score);
}

static void check_front(cost_point *points, int count) {
    arena *a;
    int *order, on_front, marked = 0;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(pareto_front(a, points, count, &order, &on_front), SIGMOE_OK);
    for (int i = 0; i < count; i++) {
        bool beaten = !isfinite(points[i].cost) || !isfinite(points[i].score);
        for (int j = 0; j < count; j++) beaten = beaten || beats(&points[j], &points[i]);
        assert_int_equal(points[i].on_front, !beaten);
        marked += points[i].on_front;
    }
    assert_int_equal(on_front, marked);
    for (int i = 0; i < on_front; i++) {
        assert_true(points[order[i]].on_front);
        if (i > 0) assert_true(points[order[i - 1]].cost <= points[order[i]].cost);
        if (i > 0) assert_true(points[order[i - 1]].score >= points[order[i]].score);
    }
    arena_destroy(a);
}

static void random_points(void **state) {
    (void)state;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        random_stream stream = {.seed = draw, .purpose = RANDOM_TEST};
        cost_point points[POINTS];
        int count = 1 + (int)(POINTS * random_uniform(stream, 999)) % POINTS;
        for (int i = 0; i < count; i++) // few values, so that many are equal
            points[i] = (cost_point){.cost = floor(8 * random_uniform(stream, 2 * (uint64_t)i)),
                .score = floor(8 * random_uniform(stream, 2 * (uint64_t)i + 1))};
        check_front(points, count);
    }
}

static void unknown_points_are_on_no_front(void **state) {
    (void)state;
    cost_point points[] = {
        {.cost = NAN, .score = 1}, {.cost = 1, .score = INFINITY}, {.cost = 2, .score = 2}};
    check_front(points, 3);
    assert_true(points[2].on_front);
    check_front(points, 2);
    check_front(points, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_points), cmocka_unit_test(unknown_points_are_on_no_front)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
