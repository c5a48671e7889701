// When checkpoints are written and validations made: asked for, by the clock, by default. None of it changes a bit of the training.
#include "train/fixture.h"

#include "train/trainer_state.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STEPS = 16, MOST_SAVED = 64 };

typedef struct listener {
    sigmoe_flag saves, stop;
    const char *trigger; // a note that has this in it asks to save; NULL: none does
    int64_t saved[MOST_SAVED];
    int count;
} listener;

static void on_note(void *context, const char *line) {
    listener *l = context;
    long long step;
    int end = 0;
    if (sscanf(line, "step %lld: checkpoint written%n", &step, &end) == 1 && end > 0 && l->count < MOST_SAVED)
        l->saved[l->count++] = step;
    if (l->trigger && strstr(line, l->trigger)) l->saves++;
}

static sigmoe_status carry_out(const sigmoe_train_request *request, listener *l) {
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer),
        .note = on_note,
        .context = l,
        .stop = &l->stop,
        .threads = 1,
        .save = &l->saves};
    return sigmoe_train(request, &observer, NULL);
}

static sigmoe_train_request request_for(const char *run, const char *ff) {
    static sigmoe_config config;
    sigmoe_train_request request;
    config = make_config(ff);
    sigmoe_train_defaults(&request);
    request.config = &config;
    request.data = in_root("data");
    request.out = run;
    request.settings = small_settings(STEPS);
    request.settings.valid_every = 0;
    request.force = true;
    return request;
}

static void train(const char *run, const char *ff, int64_t valid_every, listener *l) {
    sigmoe_train_request request = request_for(run, ff);
    request.settings.valid_every = valid_every;
    OK(carry_out(&request, l));
}

static void test_saves_and_goes_on(void **state) {
    (void)state;
    listener quiet = {0},
             asks = {.saves = 3, .trigger = "valid"}; // what was asked before it began does not count
    train(in_root("whole"), MOE, 4, &quiet);
    assert_int_equal(quiet.count, 1);
    train(in_root("saved"), MOE, 4, &asks);
    // A validation's line comes before the step that follows; the last one's when all is done.
    static const int64_t expected[] = {5, 9, 13, 16};
    assert_int_equal(asks.count, 4);
    for (int i = 0; i < asks.count; i++) assert_int_equal(asks.saved[i], expected[i]);
    assert_same_checkpoint(in_root("whole"), in_root("saved"), STEPS);
    assert_same_file(in_root("whole/valid.jsonl"), in_root("saved/valid.jsonl"));
}

typedef struct pest {
    listener *listener;
    _Atomic bool done;
} pest;

static void *ask_without_end(void *context) {
    pest *p = context;
    while (!p->done) p->listener->saves = p->listener->saves % 1000 + 1;
    return NULL;
}

// Whenever the loop looks, inside of validations too, there is a new request.
static void test_asked_all_the_time(void **state) {
    (void)state;
    // A loaded machine may not run the other thread in time: each validation asks, too.
    listener quiet = {0}, asked = {.trigger = "valid"};
    pest p = {.listener = &asked};
    pthread_t thread;
    train(in_root("alone"), DENSE, 1, &quiet);
    assert_int_equal(pthread_create(&thread, NULL, ask_without_end, &p), 0);
    train(in_root("pestered"), DENSE, 1, &asked);
    p.done = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(asked.count > 1); // how many is the scheduler's choice
    for (int i = 0; i < asked.count; i++) assert_true(i == 0 || asked.saved[i] > asked.saved[i - 1]);
    assert_same_checkpoint(in_root("alone"), in_root("pestered"), STEPS);
    assert_same_file(in_root("alone/valid.jsonl"), in_root("pestered/valid.jsonl"));
}

// ---------------------------------------------------------------- by the clock

static const double AT_ONCE = 1e-9, NEVER = 1e9;

// The steps after which a run saved, with these settings.
static listener saved_by_clock(const char *run, double seconds, int64_t every) {
    listener l = {0};
    sigmoe_train_request request = request_for(run, MOE);
    request.checkpoint_seconds = seconds;
    request.settings.checkpoint_every = every;
    OK(carry_out(&request, &l));
    return l;
}

static void test_by_the_clock(void **state) {
    (void)state;
    assert_int_equal(saved_by_clock(in_root("never"), NEVER, 0).count, 1);
    assert_int_equal(saved_by_clock(in_root("end"), 0, 0).count, 1);
    assert_int_equal(saved_by_clock(in_root("always"), AT_ONCE, 0).count, STEPS);
    assert_int_equal(
        saved_by_clock(in_root("steps"), AT_ONCE, 8).count, 2); // steps that are asked for count alone
    assert_same_checkpoint(in_root("never"), in_root("always"), STEPS);
    assert_same_checkpoint(in_root("never"), in_root("steps"), STEPS);
}

static void test_cadence_holds_after_a_resume(void **state) {
    (void)state;
    listener first = {0}, rest = {0};
    sigmoe_train_request request = request_for(in_root("resumed"), MOE), again;
    request.checkpoint_seconds = AT_ONCE;
    first.stop = 1;
    FAILS(SIGMOE_INTERRUPTED, carry_out(&request, &first));
    sigmoe_train_defaults(&again);
    again.out = in_root("resumed");
    again.resume = true;
    OK(carry_out(&again, &rest));
    assert_int_equal(rest.count, STEPS);
}

// As version 0.1.0 wrote it, which knew no clock.
static void forget_seconds(const char *run) {
    char path[PATH_CAPACITY];
    json_t *root_object;
    OK(path_format(path, "%s/train.json", run));
    OK(json_read_object(path, &root_object));
    assert_int_equal(json_object_del(root_object, "checkpoint_seconds"), 0);
    write_unsealed(path, root_object);
    json_decref(root_object);
}

static double seconds_of(const char *run) {
    trainer *t;
    OK(resume_trainer(run, 1, &t));
    double seconds = t->checkpoint_seconds;
    trainer_destroy(t);
    return seconds;
}

static void test_what_a_run_remembers(void **state) {
    (void)state;
    saved_by_clock(in_root("old"), 7200, 0);
    assert_true(seconds_of(in_root("old")) == 7200);
    forget_seconds(in_root("old"));
    assert_true(seconds_of(in_root("old")) == 15 * 60);
    sigmoe_train_request request = request_for(in_root("new"), MOE);
    assert_true(request.checkpoint_seconds == 15 * 60);
    sigmoe_compare_request compare;
    sigmoe_sweep_request sweep;
    sigmoe_compare_defaults(request.config, &compare);
    OK(sigmoe_sweep_defaults("tab3-wt-s", &sweep));
    assert_true(compare.checkpoint_seconds == 15 * 60 && sweep.checkpoint_seconds == 15 * 60);
    static const double bad[] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; i++) {
        listener l = {0};
        request.checkpoint_seconds = bad[i];
        FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&request, &l));
        assert_message_has("checkpoint_seconds");
    }
}

// ---------------------------------------------------------------- validations by default

static void test_validations_of_any_length(void **state) {
    (void)state;
    static const struct {
        int64_t steps, every, count;
    } cases[] = {
        {0, 0, 0}, {1, 1, 1}, {19, 1, 19}, {20, 1, 20}, {21, 2, 11}, {100000, 5000, 20}, {100001, 5001, 20}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sigmoe_train_settings s = small_settings(cases[i].steps);
        assert_int_equal(s.valid_every, -1);
        train_settings_plan_validations(&s, UNROLL, 1000);
        assert_int_equal(s.valid_every, cases[i].every);
        int64_t count = s.valid_every ? (s.steps + s.valid_every - 1) / s.valid_every : 0;
        assert_int_equal(count, cases[i].count);
    }
}

static void test_validations_stay_cheap(void **state) {
    (void)state;
    enum { LONG_SPLIT = 200000000 };
    sigmoe_train_settings s = small_settings(100000);
    s.batch = 64;
    train_settings_plan_validations(&s, 256, LONG_SPLIT);
    assert_int_equal(s.valid_tokens, 64 * 256 * 100000 / 200); // a tenth of the training in twenty parts
    s = small_settings(100000);
    s.batch = 64;
    train_settings_plan_validations(&s, 256, 250000);
    assert_int_equal(s.valid_tokens, 0); // the whole split is less
    s = small_settings(10);
    train_settings_plan_validations(&s, 256, LONG_SPLIT);
    assert_int_equal(s.valid_tokens, 4 * 256); // a segment of each stream
    s = small_settings(10);
    s.valid_tokens = 77;
    train_settings_plan_validations(&s, 256, LONG_SPLIT);
    assert_int_equal(s.valid_tokens, 77);
    s.valid_every = 0;
    s.valid_tokens = 0;
    train_settings_plan_validations(&s, 256, LONG_SPLIT);
    assert_true(s.valid_every == 0 && s.valid_tokens == 0);
}

static int lines_in(const char *path) {
    int count = 0;
    char *text = read_text(path);
    for (const char *p = text; *p; p++) count += *p == '\n';
    free(text);
    return count;
}

static void test_default_validations(void **state) {
    (void)state;
    listener l = {0};
    train(in_root("unvalidated"), MOE, 0, &l);
    train(in_root("validated"), MOE, -1, &l);
    assert_int_equal(lines_in(in_root("unvalidated/valid.jsonl")), 0);
    assert_int_equal(lines_in(in_root("validated/valid.jsonl")), STEPS);
    assert_same_checkpoint(in_root("unvalidated"), in_root("validated"), STEPS);
}

static void test_no_text_to_validate_on(void **state) {
    (void)state;
    listener l = {0};
    OK(directory_make(in_root("poor")));
    write_split(in_root("poor"), "train", TRAIN_TOKENS, 1);
    write_split(in_root("poor"), "valid", 3, 2);
    write_text(in_root("poor/meta.json"), "{\"vocab_size\": 11, \"tokenizer\": {\"type\": \"none\"}}");
    sigmoe_train_request request = request_for(in_root("poor_run"), MOE);
    request.data = in_root("poor");
    request.settings.valid_every = -1; // nobody asked: the training does without
    OK(carry_out(&request, &l));
    assert_int_equal(lines_in(in_root("poor_run/valid.jsonl")), 0);
    request.settings.valid_every = 4;
    FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&request, &l));
    assert_message_has("valid");
    assert_null(strstr(sigmoe_message(), "smaller batch")); // which is the training's
    request.settings.valid_every = -1;
    request.settings.valid_tokens = 100;
    FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&request, &l));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saves_and_goes_on),
        cmocka_unit_test(test_asked_all_the_time),
        cmocka_unit_test(test_by_the_clock),
        cmocka_unit_test(test_cadence_holds_after_a_resume),
        cmocka_unit_test(test_what_a_run_remembers),
        cmocka_unit_test(test_validations_of_any_length),
        cmocka_unit_test(test_validations_stay_cheap),
        cmocka_unit_test(test_default_validations),
        cmocka_unit_test(test_no_text_to_validate_on),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
