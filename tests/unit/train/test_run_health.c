// What a run tells of losses and experts that stand out, and of what it does not.
#include "train/run_health.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LAYERS = 2, EXPERTS = 8, USED = 2, TOKENS = 64, EVERY = 25 };

typedef struct listener {
    int notes;
    char last[512];
} listener;

static void on_note(void *context, const char *line) {
    listener *l = context;
    l->notes++;
    snprintf(l->last, sizeof l->last, "%s", line);
}

static sigmoe_observer observer_of(listener *l) {
    return (sigmoe_observer){.size = sizeof(sigmoe_observer), .note = on_note, .context = l};
}

// Between 2.95 and 3.05, without an order.
static double ordinary(int64_t step) {
    return 3 + 0.01 * (double)(step * 7 % 11 - 5);
}

static void a_loss_that_jumps_is_told_of(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_observer observer = observer_of(&l);
    run_health h = {0};
    for (int64_t step = 0; step < 120; step++) run_health_loss(&h, step, ordinary(step), &observer);
    run_health_loss(&h, 120, 3.3, &observer); // half of the losses are within 0.03: not eight times as far
    assert_int_equal(l.notes, 0);
    run_health_loss(&h, 121, 5.5, &observer);
    assert_int_equal(l.notes, 1);
    assert_int_equal(strncmp(l.last, "step 121: the loss is 5.5, ", 27), 0);
    assert_non_null(strstr(l.last, "standard deviations above the 3 of the last 100 steps"));
    for (int64_t step = 122; step < 140; step++) run_health_loss(&h, step, 5.5, &observer);
    assert_int_equal(l.notes, 1); // once, not with every step of it
}

static void what_falls_or_begins_is_not(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_observer observer = observer_of(&l);
    run_health early = {0}, falling = {0};
    for (int64_t step = 0; step < 50; step++)
        run_health_loss(&early, step, step == 30 ? 9 : ordinary(step), &observer); // too few to tell
    for (int64_t step = 0; step < 400; step++)
        run_health_loss(&falling, step, 8 / (1 + 0.01 * (double)step), &observer);
    run_health_loss(&falling, 400, 0.01, &observer);
    assert_int_equal(l.notes, 0);
    run_health even = {0};
    for (int64_t step = 0; step < 100; step++) run_health_loss(&even, step, 2, &observer);
    run_health_loss(&even, 100, 2.001, &observer); // any difference is many times none
    assert_int_equal(l.notes, 0);
    run_health_loss(&even, 101, 3, &observer);
    assert_int_equal(l.notes, 1);
}

typedef struct counted {
    ff_layer_statistics layer[LAYERS];
    int64_t chosen[LAYERS][EXPERTS];
    double weight[LAYERS][EXPERTS];
    ff_statistics s;
} counted;

// Every expert has its part of the tokens.
static void count_evenly(counted *c) {
    *c = (counted){.s = {.layers = LAYERS, .experts = EXPERTS, .layer = c->layer}};
    for (int i = 0; i < LAYERS; i++) {
        c->layer[i] = (ff_layer_statistics){.tokens = TOKENS, .chosen = c->chosen[i], .weight = c->weight[i]};
        for (int e = 0; e < EXPERTS; e++) c->chosen[i][e] = c->weight[i][e] = TOKENS * USED / EXPERTS;
    }
}

static void experts_that_die_are_told_of_once(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_observer observer = observer_of(&l);
    run_health h = {0};
    arena *a;
    counted c;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    count_evenly(&c);
    for (int i = 0; i < 3; i++)
        assert_int_equal(run_health_usage(&h, i * EVERY, &c.s, USED, a, &observer), SIGMOE_OK);
    c.chosen[1][3] = c.chosen[1][6] = 0;
    for (int i = 3; i < 6; i++)
        assert_int_equal(run_health_usage(&h, i * EVERY, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 0);
    assert_int_equal(run_health_usage(&h, 150, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 1);
    assert_string_equal(
        l.last, "step 150: layers.1: no token was sent to experts 3, 6 in the batches counted since step 75");
    assert_int_equal(run_health_usage(&h, 175, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 1);
    // In a batch of few tokens it means nothing.
    run_health few = {0};
    c.layer[0].tokens = 63;
    for (int i = 0; i < 9; i++)
        assert_int_equal(run_health_usage(&few, i * EVERY, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 1);
    arena_destroy(a);
}

static void a_router_that_collapses_is_told_of(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_observer observer = observer_of(&l);
    run_health h = {0};
    arena *a;
    counted c;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    count_evenly(&c);
    for (int e = 2; e < EXPERTS; e++) c.weight[0][e] = 0.01;
    assert_int_equal(run_health_usage(&h, 0, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 1);
    assert_string_equal(
        l.last, "step 0: layers.0: the router has collapsed: it uses 2.0 of 8 experts, and each token 2");
    assert_int_equal(run_health_usage(&h, EVERY, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 1);
    count_evenly(&c);
    assert_int_equal(run_health_usage(&h, 2 * EVERY, &c.s, USED, a, &observer), SIGMOE_OK);
    assert_int_equal(l.notes, 1);
    arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_that_jumps_is_told_of),
        cmocka_unit_test(what_falls_or_begins_is_not),
        cmocka_unit_test(experts_that_die_are_told_of_once),
        cmocka_unit_test(a_router_that_collapses_is_told_of),
    };
    return cmocka_run_group_tests_name("run_health", tests, NULL, NULL);
}
