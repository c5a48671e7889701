// What is left of a comparison: arithmetic with the work of runs, whatever the clock says.
#include "base/clock.h"
#include "compare/eta.h"

#include "train/fixture.h"

enum { VARIANTS = 2, SEEDS = 2, AGO = 100 };

static comparison_plan plan;

static eta begin(compared_variant variants[VARIANTS], const sigmoe_compare_request *request) {
    variants[0] = (compared_variant){.label = "dense", .config = make_config(DENSE)};
    variants[1] = (compared_variant){.label = "sigma-moe", .config = make_config(MOE)};
    static planned_run runs[] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
    plan = (comparison_plan){.request = request,
        .variants = variants,
        .variant_count = VARIANTS,
        .seed_count = SEEDS,
        .runs = runs,
        .run_count = VARIANTS * SEEDS};
    eta e;
    OK(eta_begin(&e, &plan));
    e.started -= AGO;
    return e;
}

// What is left is `ratio` times what has passed, which is known between two looks at the clock.
static void assert_left(const eta *e, double running, double ratio) {
    double before = seconds_now() - e->started;
    double left = eta_seconds_left(e, running), after = seconds_now() - e->started;
    assert_true(left >= ratio * before * (1 - 1e-9) && left <= ratio * after * (1 + 1e-9));
}

static void test_what_is_left(void **state) {
    (void)state;
    sigmoe_compare_request request = {.out = in_root("nothing")};
    compared_variant variants[VARIANTS];
    eta e = begin(variants, &request);
    double dense = eta_work(&e, 0), moe = eta_work(&e, 1), all = 2 * (dense + moe);
    assert_true(dense > 0 && moe > 0 && dense != moe);
    assert_true(isnan(eta_seconds_left(&e, 0)));
    assert_left(&e, dense / 4, (all - dense / 4) / (dense / 4));
    eta_end(&e, 0);
    assert_left(&e, 0, (all - dense) / dense);
    eta_skip(&e, 1, 0.5); // half of a run was done before
    assert_left(&e, moe / 4, (all - dense - moe * 0.75) / (dense + moe / 4));
    eta_end(&e, 0);
    eta_end(&e, 1);
    eta_end(&e, 1);
    assert_near(eta_seconds_left(&e, 0), 0, 0); // never less
}

static void test_finished_runs_are_no_work(void **state) {
    (void)state;
    char out[PATH_CAPACITY];
    OK(path_format(out, "%s/begun", root));
    sigmoe_compare_request request = {.out = out};
    compared_variant variants[VARIANTS];
    OK(directory_make(in_root("begun")));
    OK(directory_make(in_root("begun/runs")));
    OK(directory_make(in_root("begun/runs/dense-seed0")));
    write_text(in_root("begun/runs/dense-seed0/result.json"), "{}");
    eta e = begin(variants, &request);
    double dense = eta_work(&e, 0), moe = eta_work(&e, 1);
    eta_end(&e, 1);
    assert_left(&e, 0, (dense + moe) / moe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_finished_runs_are_no_work),
    };
    return cmocka_run_group_tests_name("eta", tests, make_root, remove_root);
}
