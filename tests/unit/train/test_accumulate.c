// A batch that is computed in parts teaches what it teaches at once, except for rounding: masks, draws, regularizers and Sinkhorn are
// those of the whole batch. And it does so with the same bits each time, also on resume and with any number of threads.
#include "train/batch_parts.h"
#include "train/fixture.h"

enum { SEQUENCES = 4, STEPS = 6 };

#define ROUTED(router, more)                                                                                 \
    "{\"type\": \"moe\", \"n_experts\": 4, \"expert_size\": 3, \"k\": 2, \"router\": \"" router "\", " more  \
    "}"
#define BALANCED(kind) "\"regularizer\": \"" kind "\", \"regularizer_weight\": 0.05"

static const char *const blocks[] = {
    DENSE,
    "{\"type\": \"topk\", \"d_ff\": 12, \"k\": 3}",
    "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 4, \"knn\": 3, \"activation\": \"relu\"}",
    ROUTED("sigmoid", "\"expert_dropout\": 0.2, \"dropout\": 0.1, " BALANCED("entropy")),
    ROUTED("sigmoid", "\"channels_kept\": 3, " BALANCED("cv")),
    ROUTED("softmax", "\"expert_dropout\": 0.2, " BALANCED("switch")),
    ROUTED("softmax_topk", BALANCED("switch_mean")),
    ROUTED("sinkhorn", "\"expert_dropout\": 0.2, " BALANCED("entropy")),
    ROUTED("sinkhorn", "\"regularizer\": \"none\""),
    ROUTED("noisy_topk", BALANCED("cv")),
    HASH,
    ROUTED("random", "\"regularizer\": \"none\""),
};

static void learn(const char *ff, int64_t parts, sigmoe_recompute recompute, step_report reports[STEPS]) {
    sigmoe_config config = make_config(ff);
    sigmoe_train_settings settings = small_settings(STEPS);
    dataset data;
    trainer *t;
    OK(dataset_open(in_root("data"), &data));
    settings.batch = SEQUENCES;
    trainer_request request = {
        .config = &config, .data = &data, .settings = &settings, .accumulate = parts, .threads = 2};
    OK(trainer_create(&request, &t));
    trainer_recompute(t, recompute);
    for (int i = 0; i < STEPS; i++) OK(trainer_step(t, &reports[i]));
    trainer_destroy(t);
}

static void assert_close(double got, double expected, double tolerance) {
    assert_near(got, expected, tolerance * fabs(expected) + 1e-7);
}

// Adam divides by what is rounded, too, so gradients drift apart step by step.
static void assert_same_step(const step_report *got, const step_report *expected) {
    double tolerance = got->step == 0 ? 2e-6 : 1e-4;
    assert_close(got->loss, expected->loss, 1e-5);
    assert_close(got->regularizer, expected->regularizer, tolerance);
    assert_close(got->gradient_norm, expected->gradient_norm, tolerance);
}

static void test_same_curve(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        step_report once[STEPS], parts[STEPS];
        learn(blocks[i], 1, SIGMOE_RECOMPUTE_NONE, once);
        for (int64_t count = 2; count <= SEQUENCES; count *= 2) {
            learn(blocks[i], count, count == 2 ? SIGMOE_RECOMPUTE_NONE : SIGMOE_RECOMPUTE_ALL, parts);
            for (int s = 0; s < STEPS; s++) assert_same_step(&parts[s], &once[s]);
        }
    }
}

static void train(const char *run, const char *ff, int64_t steps, int64_t parts, int pool, bool resume) {
    static const char *const given[] = {"steps"};
    sigmoe_config config = make_config(ff);
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .threads = pool};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.config = resume ? NULL : &config;
    request.data = in_root("data");
    request.out = run;
    request.settings = small_settings(steps);
    request.settings.batch = SEQUENCES;
    request.settings.schedule = SIGMOE_SCHEDULE_CONSTANT;
    request.accumulate = parts;
    request.resume = resume;
    request.given = given;
    request.given_count = 1;
    OK(sigmoe_train(&request, &observer, NULL));
}

static void test_same_bits(void **state) {
    (void)state;
    train(in_root("one"), blocks[3], STEPS, 2, 1, false);
    train(in_root("two"), blocks[3], STEPS, 2, 3, false);
    assert_same_checkpoint(in_root("one"), in_root("two"), STEPS);
    train(in_root("three"), blocks[3], STEPS / 2, 2, 1, false);
    train(in_root("three"), blocks[3], STEPS, 2, 1, true);
    assert_same_checkpoint(in_root("one"), in_root("three"), STEPS);
}

static void test_resume_with_other_parts(void **state) {
    (void)state;
    train(in_root("parts"), blocks[7], STEPS / 2, 4, 1, false);
    train(in_root("parts"), blocks[7], STEPS, 1, 1, true);
}

static void test_what_does_not_divide(void **state) {
    (void)state;
    OK(batch_parts_check(4, 2, 1));
    FAILS(SIGMOE_BAD_ARGUMENT, batch_parts_check(4, 3, 1));
    assert_message_has("no 3 equal parts");
    FAILS(SIGMOE_BAD_ARGUMENT, batch_parts_check(4, 8, 1));
    FAILS(SIGMOE_BAD_ARGUMENT, batch_parts_check(4, 0, 1));
    OK(batch_parts_check(8, 2, 4));
    FAILS(SIGMOE_BAD_ARGUMENT, batch_parts_check(8, 4, 4));
    assert_message_has("of each rank");
    FAILS(SIGMOE_BAD_ARGUMENT, batch_parts_check(8, 1, 3));
    assert_message_has("3 ranks");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_curve),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_resume_with_other_parts),
        cmocka_unit_test(test_what_does_not_divide),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
