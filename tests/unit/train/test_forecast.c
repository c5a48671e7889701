// What is left of a comparison: arithmetic with the work of runs, whatever the clock says.
#include "train/clock.h"
#include "train/forecast.h"

#include "fixture.h"

enum { VARIANTS = 2, SEEDS = 2, AGO = 100 };

static comparison make_comparison(
    compared_variant variants[VARIANTS], const sigmoe_compare_request *request) {
    variants[0] = (compared_variant){.label = "dense", .config = make_config(DENSE)};
    variants[1] = (compared_variant){.label = "sigma-moe", .config = make_config(MOE)};
    static planned_run runs[] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
    comparison c = {.request = request,
        .variants = variants,
        .variant_count = VARIANTS,
        .seed_count = SEEDS,
        .runs = runs,
        .run_count = VARIANTS * SEEDS};
    OK(forecast_begin(&c));
    c.forecast.started -= AGO;
    return c;
}

// What is left is `ratio` times what has passed, which is known between two looks at the clock.
static void assert_left(const comparison *c, double running, double ratio) {
    double before = seconds_now() - c->forecast.started;
    double left = forecast_seconds_left(c, running), after = seconds_now() - c->forecast.started;
    assert_true(left >= ratio * before * (1 - 1e-9) && left <= ratio * after * (1 + 1e-9));
}

static void test_what_is_left(void **state) {
    (void)state;
    sigmoe_compare_request request = {.out = in_root("nothing")};
    compared_variant variants[VARIANTS];
    comparison c = make_comparison(variants, &request);
    double dense = forecast_work(&c, 0), moe = forecast_work(&c, 1), all = 2 * (dense + moe);
    assert_true(dense > 0 && moe > 0 && dense != moe);
    assert_true(isnan(forecast_seconds_left(&c, 0)));
    assert_left(&c, dense / 4, (all - dense / 4) / (dense / 4));
    forecast_end(&c, 0);
    assert_left(&c, 0, (all - dense) / dense);
    forecast_skip(&c, 1, 0.5); // half of a run was done before
    assert_left(&c, moe / 4, (all - dense - moe * 0.75) / (dense + moe / 4));
    forecast_end(&c, 0);
    forecast_end(&c, 1);
    forecast_end(&c, 1);
    assert_near(forecast_seconds_left(&c, 0), 0, 0); // never less
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
    comparison c = make_comparison(variants, &request);
    double dense = forecast_work(&c, 0), moe = forecast_work(&c, 1);
    forecast_end(&c, 1);
    assert_left(&c, 0, (dense + moe) / moe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_finished_runs_are_no_work),
    };
    return cmocka_run_group_tests_name("forecast", tests, make_root, remove_root);
}
