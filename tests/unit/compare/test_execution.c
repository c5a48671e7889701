// The result of a comparison while it grows: what its watcher is told, with runs one after the other and several at a time.
#include "train/fixture.h"

#include "base/cpu.h"
#include "compare/directory.h"
#include "compare/execution.h"
#include "system/place.h"

enum { ROWS = 2, SEEDS = 2, RUNS = ROWS * SEEDS };

typedef struct watched {
    int calls, left_at_first;
    int told[RUNS + 1]; // runs, in the order of the calls; -1 first
} watched;

static void note_change(void *context, const comparison_result *result, int run) {
    watched *w = context;
    assert_in_range(w->calls, 0, RUNS);
    if (w->calls == 0) w->left_at_first = result_runs_left(result);
    assert_int_equal(result_runs_left(result), w->left_at_first - w->calls);
    w->told[w->calls++] = run;
    for (int i = 0; i < RUNS; i++) {
        const run_result *r = result_run(result, result->plan->runs[i].variant, result->plan->runs[i].seed);
        const run_curve *curve =
            result_curve(result, result->plan->runs[i].variant, result->plan->runs[i].seed);
        assert_int_equal(r->pending, !isfinite(r->test.perplexity));
        assert_int_equal(curve->steps, r->pending ? 0 : 3);
    }
    if (run >= 0)
        assert_false(
            result_run(result, result->plan->runs[run].variant, result->plan->runs[run].seed)->pending);
}

static watched carry_out(const char *out, int jobs, bool resume) {
    static const char *const rows[ROWS] = {"dense", "sigma-moe"};
    sigmoe_config base = make_config(MOE);
    sigmoe_compare_request request;
    sigmoe_observer observer = {.threads = 1};
    comparison_plan plan;
    comparison_result result;
    watched w = {0};
    const execution_watcher watcher = {note_change, &w};
    arena *a;
    int lock = -1;
    sigmoe_compare_defaults(&base, &request);
    request.data = in_root("data");
    request.out = in_root(out);
    request.variants = rows;
    request.variant_count = ROWS;
    request.seeds = SEEDS;
    request.resume = resume;
    request.settings.steps = 3;
    request.settings.batch = BATCH;
    request.settings.valid_every = 1;
    OK(arena_create("comparison", &a));
    OK(plan_comparison(&request, NULL, NULL, a, &plan));
    OK(comparison_open(&plan, NULL, &lock));
    OK(comparison_carry_out(&plan, jobs, &observer, &watcher, &result));
    assert_int_equal(result_runs_left(&result), 0);
    place_unlock(lock);
    arena_destroy(a);
    return w;
}

static void check_all_told(const watched *w) {
    bool seen[RUNS] = {false};
    assert_int_equal(w->calls, RUNS + 1);
    assert_int_equal(w->left_at_first, RUNS);
    assert_int_equal(w->told[0], -1);
    for (int i = 1; i <= RUNS; i++) seen[w->told[i]] = true;
    for (int i = 0; i < RUNS; i++) assert_true(seen[i]);
}

static void each_run_is_told_once(void **state) {
    (void)state;
    watched w = carry_out("one", 1, false);
    check_all_told(&w);
    for (int i = 0; i <= RUNS; i++) assert_int_equal(w.told[i], i - 1); // in the plan's order
}

static void also_with_several_at_a_time(void **state) {
    (void)state;
    watched w = carry_out("two", 2, false);
    check_all_told(&w);
}

static void finished_runs_are_there_from_the_start(void **state) {
    (void)state;
    for (int jobs = 1; jobs <= 2; jobs++) {
        const char *out = jobs == 1 ? "resumed" : "resumed-jobs";
        carry_out(out, 1, false);
        char run[PATH_CAPACITY];
        OK(path_format(run, "%s/runs/dense-seed%d", in_root(out), 1));
        OK(directory_remove(run));
        watched w = carry_out(out, jobs, true);
        assert_int_equal(w.left_at_first, 1);
        assert_int_equal(w.calls, 2);
        assert_int_equal(w.told[1], ROWS); // dense from the second seed
        w = carry_out(out, jobs, true);
        assert_int_equal(w.left_at_first, 0);
        assert_int_equal(w.calls, 1);
    }
}

int main(void) {
    assert_int_equal(cpu_init(), SIGMOE_OK);
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_run_is_told_once),
        cmocka_unit_test(also_with_several_at_a_time),
        cmocka_unit_test(finished_runs_are_there_from_the_start)};
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
