// Evaluation in windows that overlap, against windows that are computed one by one.
#include "train/validate.h"
#include "train/loop.h"
#include "train/evaluate.h"
#include "train/trainer_state.h"
#include "train/fixture.h"

enum { STRIDES = UNROLL };

static trainer *trained(const char *ff) {
    sigmoe_train_settings settings = small_settings(40);
    sigmoe_config config = make_config(ff);
    dataset data;
    trainer *t = NULL;
    OK(dataset_open(in_root("data"), &data));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    OK(trainer_create(&request, &t));
    OK(trainer_run(t, "test", NULL, NULL));
    return t;
}

static sigmoe_scores score(trainer *t, int64_t batch, int64_t memory_segments, int64_t stride) {
    sigmoe_scores scores;
    token_split *tokens;
    OK(trainer_split(t, "valid", &tokens));
    evaluation e = {.model = trainer_model(t),
        .kernel = trainer_kernel(t),
        .activations = trainer_activations(t),
        .tokens = tokens,
        .batch = batch,
        .data = trainer_dataset(t),
        .split = "valid",
        .memory_segments = memory_segments,
        .stride = stride,
        .task = "test"};
    OK(evaluate(&e, &scores));
    return scores;
}

static void feed(trainer *t, xl_memory *memory, const int32_t *ids, int64_t length, double *nats) {
    step_context step = {.kernel = trainer_kernel(t),
        .activations = trainer_activations(t),
        .tokens = ids,
        .batch = 1,
        .length = length};
    OK(transformer_loss(trainer_model(t), &step, memory, ids + 1, nats));
}

// Nats of the window's last tokens, `skipped` left out: the memory is made anew from the stream's start, S tokens at a time.
static double window_nats(trainer *t, const int32_t *ids, int64_t start, int64_t length, int64_t skipped,
    int64_t rows, int64_t stride) {
    double nats[UNROLL], sum = 0;
    xl_memory *memory;
    OK(xl_memory_create(&trainer_config(t)->model, 1, rows, 1, &memory));
    for (int64_t at = 0; at < start; at += stride) feed(t, memory, ids + at, stride, nats);
    feed(t, memory, ids + start, length, nats);
    for (int64_t i = skipped; i < length; i++) sum += nats[i];
    xl_memory_destroy(memory);
    return sum;
}

static double plain_score(trainer *t, int64_t batch, int64_t memory_segments, int64_t stride) {
    token_split *split;
    int32_t ids[VALID_TOKENS];
    double total = 0;
    int64_t scored = 0, length = (VALID_TOKENS - 1) / batch;
    OK(trainer_split(t, "valid", &split));
    for (int64_t b = 0; b < batch; b++) {
        OK(token_split_copy(split, b * length, length + 1, ids));
        for (int64_t start = 0, end = 0; end < length; start += stride) {
            int64_t next = start + UNROLL < length ? start + UNROLL : length;
            total += window_nats(t, ids, start, next - start, end - start, memory_segments * UNROLL, stride);
            scored += next - end;
            end = next;
        }
    }
    assert_int_equal(scored, batch * length);
    return total / (double)scored;
}

static void test_against_windows_one_by_one(void **state) {
    (void)state;
    trainer *t = trained(MOE);
    double before = NAN;
    for (int64_t memory = 0; memory <= 2; memory++)
        for (int64_t batch = 1; batch <= 3; batch += 2)
            for (int64_t stride = 1; stride <= STRIDES; stride++) {
                sigmoe_scores s = score(t, batch, memory, stride);
                assert_int_equal(s.tokens, (VALID_TOKENS - 1) / batch * batch);
                assert_near(s.nats_per_token, plain_score(t, batch, memory, stride), 1e-6);
                assert_true(s.nats_per_token != before); // each of them is a different score
                before = s.nats_per_token;
            }
    trainer_destroy(t);
}

static void test_whole_windows_are_the_ordinary_score(void **state) {
    (void)state;
    static const char *const blocks[] = {DENSE, MOE, HASH};
    for (int i = 0; i < 3; i++) {
        trainer *t = trained(blocks[i]);
        sigmoe_scores ordinary, whole = score(t, 4, 2, UNROLL);
        OK(trainer_score(t, "valid", 4, 0, NULL, &ordinary));
        assert_int_equal(whole.tokens, ordinary.tokens);
        assert_near(whole.nats_per_token, ordinary.nats_per_token, 0);
        trainer_destroy(t);
    }
}

static void test_strides_are_checked(void **state) {
    (void)state;
    sigmoe_eval_request request;
    sigmoe_scores scores;
    trainer *t = trained(DENSE);
    OK(model_save(in_root("model"), trainer_config(t), trainer_model(t)));
    trainer_destroy(t);
    sigmoe_eval_defaults(&request);
    request.model = in_root("model");
    request.data = in_root("data");
    request.stride = UNROLL;
    OK(sigmoe_evaluate(&request, NULL, &scores));
    request.stride = UNROLL + 1;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&request, NULL, &scores));
    assert_message_has("windows have 4 tokens");
    request.stride = -1;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&request, NULL, &scores));
}

// A memory of more segments than the text has is that of all of the text, and asks for no more room.
static void test_a_memory_is_no_longer_than_the_text(void **state) {
    (void)state;
    trainer *t = trained(MOE);
    for (int64_t stride = 0; stride <= UNROLL; stride++)
        for (int64_t batch = 1; batch <= 3; batch += 2) {
            double all = score(t, batch, VALID_TOKENS, stride).nats_per_token;
            assert_true(score(t, batch, INT64_MAX, stride).nats_per_token == all);
            assert_true(score(t, batch, VALID_TOKENS / batch / UNROLL + 1, stride).nats_per_token == all);
            assert_true(score(t, batch, 2, stride).nats_per_token != all);
        }
    trainer_destroy(t);
}

static void test_a_stop_is_heeded(void **state) {
    (void)state;
    sigmoe_eval_request request;
    sigmoe_scores scores;
    const sigmoe_flag stop = 1;
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .stop = &stop, .threads = 1};
    sigmoe_eval_defaults(&request);
    request.model = in_root("model");
    request.data = in_root("data");
    request.batch = 1;
    request.stride = 1;
    FAILS(SIGMOE_INTERRUPTED, sigmoe_evaluate(&request, &observer, &scores));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_windows_one_by_one),
        cmocka_unit_test(test_whole_windows_are_the_ordinary_score),
        cmocka_unit_test(test_strides_are_checked),
        cmocka_unit_test(test_a_memory_is_no_longer_than_the_text),
        cmocka_unit_test(test_a_stop_is_heeded),
    };
    return cmocka_run_group_tests_name("sliding evaluation", tests, make_root, remove_root);
}
