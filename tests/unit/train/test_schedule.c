// Learning rate, clip factor, and the ranges of the settings.
#include "train/schedule.h"
#include "train/fixture.h"

// Values by hand: lr/W·(t+1), then lr/2·(1 + cos(π·(t-W)/N)).
static void test_learning_rate(void **state) {
    (void)state;
    sigmoe_train_settings s = {.lr = 0.4, .warmup = 4, .steps = 8};
    assert_near(learning_rate(&s, 0), 0.1, 1e-15);
    assert_near(learning_rate(&s, 2), 0.3, 1e-15);
    assert_near(learning_rate(&s, 3), 0.4, 1e-15);
    assert_near(learning_rate(&s, 4), 0.4, 1e-15);
    assert_near(learning_rate(&s, 6), 0.2 * (1 + sqrt(0.5)), 1e-15);
    assert_near(learning_rate(&s, 7), 0.2 * (1 + cos(3 * M_PI / 8)), 1e-15);
}

static void test_no_warm_up(void **state) {
    (void)state;
    sigmoe_train_settings s = {.lr = 0.4, .warmup = 0, .steps = 4};
    assert_near(learning_rate(&s, 0), 0.4, 1e-15);
    assert_near(learning_rate(&s, 2), 0.2, 1e-15);
    assert_near(learning_rate(&s, 3), 0.2 * (1 - sqrt(0.5)), 1e-15);
}

static void test_constant(void **state) {
    (void)state;
    sigmoe_train_settings s = {.lr = 0.4, .warmup = 4, .steps = 8, .schedule = SIGMOE_SCHEDULE_CONSTANT};
    assert_near(learning_rate(&s, 0), 0.1, 1e-15);
    assert_near(learning_rate(&s, 3), 0.4, 0);
    assert_near(learning_rate(&s, 4), 0.4, 0);
    assert_near(learning_rate(&s, 700), 0.4, 0);
}

static void test_clip_factor(void **state) {
    (void)state;
    assert_near(clip_factor(0.25, 0.1), 1, 0);
    assert_near(clip_factor(0.25, 0.5), 0.25 / (0.5 + 1e-6), 1e-15);
    assert_near(clip_factor(0.25, 0), 1, 0);
    assert_near(clip_factor(0, 1e9), 1, 0);
}

static void test_settings_ranges(void **state) {
    (void)state;
    sigmoe_train_settings s = train_settings_default();
    OK(train_settings_check(&s));
    s.batch = 0;
    FAILS(SIGMOE_BAD_ARGUMENT, train_settings_check(&s));
    assert_message_has("batch");
    s = train_settings_default();
    s.lr = NAN;
    FAILS(SIGMOE_BAD_ARGUMENT, train_settings_check(&s));
    assert_message_has("lr");
    s = train_settings_default();
    s.clip = -1;
    FAILS(SIGMOE_BAD_ARGUMENT, train_settings_check(&s));
    assert_message_has("clip");
    s = train_settings_default();
    s.seed = UINT64_MAX;
    FAILS(SIGMOE_BAD_ARGUMENT, train_settings_check(&s));
    assert_message_has("seed");
    s = train_settings_default();
    s.schedule = (sigmoe_schedule)2;
    FAILS(SIGMOE_BAD_ARGUMENT, train_settings_check(&s));
    assert_message_has("schedule");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learning_rate),
        cmocka_unit_test(test_no_warm_up),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_clip_factor),
        cmocka_unit_test(test_settings_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
