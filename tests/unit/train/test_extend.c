// A run that is resumed with other settings: what may change, what is recorded of it, and what is refused. Runs are named by
// their directories in the test's own.
#include "train/fixture.h"

#include "train/train_json.h"

#include <sys/wait.h>

enum { SHORT = 10, LONG = 17, NOTES = 1 << 14 };

// Collects notes; stops the training, or ends the process, at a note that has `trigger` in it.
typedef struct listener {
    char notes[NOTES];
    const char *trigger; // NULL: none does
    bool dies;
    sigmoe_flag stop;
} listener;

static void on_note(void *context, const char *line) {
    listener *l = context;
    size_t used = strlen(l->notes);
    snprintf(l->notes + used, sizeof l->notes - used, "%s\n", line);
    if (!l->trigger || !strstr(line, l->trigger)) return;
    if (l->dies) _exit(0);
    l->stop = 1;
}

static sigmoe_status carry_out(const sigmoe_train_request *request, listener *l) {
    sigmoe_observer observer = {
        .size = sizeof(sigmoe_observer), .note = on_note, .context = l, .stop = &l->stop, .threads = 1};
    return sigmoe_train(request, &observer, NULL);
}

static sigmoe_train_settings run_settings(int64_t steps) {
    sigmoe_train_settings settings = small_settings(steps);
    settings.checkpoint_every = 5;
    settings.valid_every = 4;
    return settings;
}

static void train_new(const char *run, sigmoe_train_settings settings) {
    sigmoe_config config = make_config(MOE);
    listener l = {0};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.config = &config;
    request.data = in_root("data");
    request.out = in_root(run);
    request.force = true;
    request.settings = settings;
    OK(carry_out(&request, &l));
}

// A request to resume that gives no setting yet.
typedef struct change {
    char out[PATH_CAPACITY];
    sigmoe_train_request request;
    const char *names[16];
} change;

static void resume_of(change *c, const char *run) {
    sigmoe_train_defaults(&c->request);
    OK(path_format(c->out, "%s", in_root(run)));
    c->request.out = c->out;
    c->request.resume = true;
    c->request.given = c->names;
}

static void give(change *c, const char *name) {
    c->names[c->request.given_count++] = name;
}

static sigmoe_status extend(const char *run, int64_t steps, listener *l) {
    change c;
    resume_of(&c, run);
    c.request.settings.steps = steps;
    give(&c, "steps");
    return carry_out(&c.request, l);
}

static sigmoe_status resume(const char *run) {
    change c;
    listener l = {0};
    resume_of(&c, run);
    return carry_out(&c.request, &l);
}

// The lines of metrics.jsonl without what tells the time.
static char *timeless(const char *run) {
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/metrics.jsonl", in_root(run)));
    char *text = read_text(path), *out = text;
    for (char *in = text; *in;) {
        if (strncmp(in, ",\"tokens_per_s\":", 16) == 0) in += strcspn(in, "}");
        *out++ = *in++;
    }
    *out = '\0';
    return text;
}

static void assert_same_run(const char *a, const char *b, int64_t step) {
    char *x = timeless(a), *y = timeless(b);
    assert_string_equal(x, y);
    free(x);
    free(y);
    assert_same_checkpoint(in_root(a), in_root(b), step);
}

// The rate that metrics.jsonl tells of a step.
static double rate_of(const char *run, int step) {
    char key[32];
    double rate = NAN;
    char *text = timeless(run);
    snprintf(key, sizeof key, "{\"step\":%d,", step);
    char *line = strstr(text, key);
    assert_non_null(line);
    assert_int_equal(sscanf(strstr(line, "\"lr\":"), "\"lr\":%lf", &rate), 1);
    free(text);
    return rate;
}

static double cosine(int64_t step, int64_t steps) {
    sigmoe_train_settings s = small_settings(steps);
    return s.lr / 2 * (1 + cos(M_PI * (double)(step - s.warmup) / (double)steps));
}

static json_t *train_json_of(const char *run) {
    char path[PATH_CAPACITY];
    json_t *root_object;
    OK(path_format(path, "%s/train.json", in_root(run)));
    OK(json_read_object(path, &root_object));
    return root_object;
}

static void assert_history(const char *run, const char *expected) {
    json_t *root_object = train_json_of(run);
    char *text = json_dumps(json_object_get(root_object, "history"), JSON_COMPACT | JSON_REAL_PRECISION(12));
    assert_string_equal(text, expected);
    free(text);
    json_decref(root_object);
}

// ---------------------------------------------------------------- extending

static void test_cosine_is_drawn_anew(void **state) {
    (void)state;
    const char *run = "cosine";
    listener l = {0};
    train_new(run, run_settings(SHORT));
    assert_history(run, "[]");
    char *before = timeless(run);
    OK(extend(run, LONG, &l));
    char *after = timeless(run);
    assert_memory_equal(after, before, strlen(before)); // what was done stays
    free(before);
    free(after);
    assert_near(rate_of(run, SHORT - 1), cosine(SHORT - 1, SHORT), 1e-10);
    assert_near(rate_of(run, SHORT), cosine(SHORT, LONG), 1e-10);
    assert_near(rate_of(run, LONG - 1), cosine(LONG - 1, LONG), 1e-10);
    assert_history(run, "[{\"step\":10,\"changes\":{\"steps\":{\"from\":10,\"to\":17}}}]");
    assert_non_null(strstr(l.notes, "from step 10 of 17\n"));
    assert_non_null(strstr(l.notes, "steps 10 to 17\n"));
    // From 0.01/2·(1 + cos(π·6/10)) to 0.01/2·(1 + cos(π·7/17)).
    assert_non_null(strstr(l.notes,
        "the learning rate goes from 0.003455 to 0.006368, since the cosine is drawn over 17 steps now\n"));
    l = (listener){0};
    OK(extend(run, LONG, &l)); // the run's value: nothing changes
    assert_history(run, "[{\"step\":10,\"changes\":{\"steps\":{\"from\":10,\"to\":17}}}]");
    assert_null(strstr(l.notes, "change"));
    assert_null(strstr(l.notes, "goes from"));
}

// Adam's moments and the batches go on: with a constant rate nothing tells an extended run from one that was as long at once.
static void test_constant_runs_extend_to_the_same_bits(void **state) {
    (void)state;
    const char *whole = "whole", *parts = "parts";
    sigmoe_train_settings settings = run_settings(LONG);
    listener l = {0};
    settings.schedule = SIGMOE_SCHEDULE_CONSTANT;
    train_new(whole, settings);
    settings.steps = SHORT;
    train_new(parts, settings);
    OK(extend(parts, LONG, &l));
    assert_null(strstr(l.notes, "goes from"));
    assert_same_run(whole, parts, LONG);
    assert_near(rate_of(whole, 0), settings.lr / 3, 1e-10);
    assert_near(rate_of(whole, LONG - 1), settings.lr, 1e-10);
}

static void test_rate_is_held(void **state) {
    (void)state;
    const char *run = "held";
    listener l = {0};
    change c;
    train_new(run, run_settings(SHORT));
    resume_of(&c, run);
    c.request.settings.steps = LONG;
    c.request.settings.lr = 0.002;
    c.request.settings.clip = 0.5;
    c.request.settings.schedule = SIGMOE_SCHEDULE_CONSTANT;
    give(&c, "schedule");
    give(&c, "steps");
    give(&c, "lr");
    give(&c, "clip");
    OK(carry_out(&c.request, &l));
    for (int i = SHORT; i < LONG; i++) assert_near(rate_of(run, i), 0.002, 1e-10);
    assert_non_null(strstr(l.notes, "the learning rate goes from 0.003455 to 0.002\n"));
    assert_history(run,
        "[{\"step\":10,\"changes\":{\"steps\":{\"from\":10,\"to\":17},\"lr\":{\"from\":0.01,\"to\":0.002},"
        "\"clip\":{\"from\":0.25,\"to\":0.5},\"schedule\":{\"from\":\"cosine\",\"to\":\"constant\"}}}]");
}

// Settings that are not given count for nothing, whatever their values.
static void test_only_what_is_given_counts(void **state) {
    (void)state;
    const char *run = "ungiven";
    change c;
    listener l = {0};
    train_new(run, run_settings(SHORT));
    resume_of(&c, run);
    c.request.settings = (sigmoe_train_settings){.steps = 99, .lr = -1, .seed = 3};
    c.request.checkpoint_seconds = 7;
    OK(carry_out(&c.request, &l));
    assert_history(run, "[]");
    assert_non_null(strstr(l.notes, "all 10 steps are done"));
}

static void test_interrupted_again(void **state) {
    (void)state;
    const char *whole = "whole", *parts = "parts";
    listener never = {0}, early = {.trigger = "step 15: checkpoint"};
    train_new(whole, run_settings(SHORT));
    train_new(parts, run_settings(SHORT));
    OK(extend(whole, LONG, &never));
    FAILS(SIGMOE_INTERRUPTED, extend(parts, LONG, &early));
    OK(resume(parts));
    assert_same_run(whole, parts, LONG);
    // In the middle of a run as well, and with fewer steps than it had.
    train_new(whole, run_settings(LONG));
    OK(directory_remove(in_root("whole/checkpoints/00000017")));
    OK(extend("whole", 16, &never));
    assert_history("whole", "[{\"step\":15,\"changes\":{\"steps\":{\"from\":17,\"to\":16}}}]");
    assert_near(rate_of("whole", 15), cosine(15, 16), 1e-10);
}

// What train.json says when the process dies is what the rest is trained by: `trigger` is a note of before the first step.
static void extend_and_die(const char *run, const char *trigger) {
    pid_t child = fork();
    if (child == 0) {
        listener l = {.trigger = trigger, .dies = true};
        (void)extend(run, LONG, &l);
        _exit(1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_killed_between_change_and_step(void **state) {
    (void)state;
    const char *whole = "whole", *killed = "killed";
    listener never = {0};
    train_new(whole, run_settings(SHORT));
    train_new(killed, run_settings(SHORT));
    OK(extend(whole, LONG, &never));
    extend_and_die(killed, "from step 10 of 17");
    OK(resume(killed));
    assert_same_run(whole, killed, LONG);
    assert_history(killed, "[{\"step\":10,\"changes\":{\"steps\":{\"from\":10,\"to\":17}}}]");
    // A second change before the first has taken a step.
    train_new(killed, run_settings(SHORT));
    extend_and_die(killed, "from step 10 of 17");
    OK(extend(killed, LONG + 1, &never));
    assert_history(killed, "[{\"step\":10,\"changes\":{\"steps\":{\"from\":10,\"to\":17}}},"
                           "{\"step\":10,\"changes\":{\"steps\":{\"from\":17,\"to\":18}}}]");
}

// The checkpoints from which it was extended are gone: the settings hold from an earlier one on.
static void test_history_follows_the_checkpoint(void **state) {
    (void)state;
    listener never = {0};
    train_new("lost", run_settings(SHORT));
    OK(extend("lost", SHORT + 1, &never));
    OK(directory_remove(in_root("lost/checkpoints/00000011")));
    train_new("kept", run_settings(SHORT));
    OK(rename(in_root("kept/checkpoints/00000005"), in_root("lost/checkpoints/00000005")) == 0 ? SIGMOE_OK
                                                                                               : SIGMOE_IO);
    OK(directory_remove(in_root("lost/checkpoints/00000010")));
    OK(resume("lost"));
    assert_history("lost", "[{\"step\":5,\"changes\":{\"steps\":{\"from\":10,\"to\":11}}}]");
    assert_near(rate_of("lost", 6), cosine(6, 11), 1e-10);
}

// As versions wrote it that knew neither schedules nor changes.
static void test_older_runs(void **state) {
    (void)state;
    const char *run = "older";
    char path[PATH_CAPACITY];
    listener l = {0};
    train_new(run, run_settings(SHORT));
    json_t *root_object = train_json_of(run);
    assert_int_equal(json_object_del(root_object, "history"), 0);
    assert_int_equal(json_object_del(json_object_get(root_object, "settings"), "schedule"), 0);
    OK(path_format(path, "%s/train.json", in_root(run)));
    write_unsealed(path, root_object);
    json_decref(root_object);
    char *before = read_text(path), *after;
    OK(resume(run));
    after = read_text(path);
    assert_string_equal(before, after); // nothing changed, nothing is written
    free(before);
    free(after);
    OK(extend(run, LONG, &l));
    assert_near(rate_of(run, LONG - 1), cosine(LONG - 1, LONG), 1e-10);
    assert_history(run, "[{\"step\":10,\"changes\":{\"steps\":{\"from\":10,\"to\":17}}}]");
}

// Checkpoints that cannot be loaded: the run stays as it was, and is extended from the newest that can.
static void test_what_fails_changes_nothing(void **state) {
    (void)state;
    const char *run = "failed";
    char path[PATH_CAPACITY], counters[PATH_CAPACITY];
    listener l = {0};
    train_new(run, run_settings(SHORT));
    OK(path_format(path, "%s/train.json", in_root(run)));
    OK(path_format(counters, "%s/checkpoints/00000005/trainer.json", in_root(run)));
    char *before = read_text(path), *whole = read_text(counters);
    write_text(in_root("failed/checkpoints/00000010/trainer.json"), "{}");
    write_text(counters, "{}");
    FAILS(SIGMOE_BAD_FORMAT, extend(run, LONG, &l));
    assert_message_has("00000010/trainer.json is not as it was written");
    char *after = read_text(path);
    assert_string_equal(before, after);
    assert_true(path_exists(in_root("failed/checkpoints/00000010")));
    write_text(counters, whole);
    OK(extend(run, LONG, &l));
    assert_non_null(strstr(l.notes, "checkpoint 00000010 is passed over"));
    assert_history(run, "[{\"step\":5,\"changes\":{\"steps\":{\"from\":10,\"to\":17}}}]");
    free(before);
    free(whole);
    free(after);
}

static void test_damaged_history_is_refused(void **state) {
    (void)state;
    const char *run = "damaged";
    char path[PATH_CAPACITY];
    listener l = {0};
    train_new(run, run_settings(SHORT));
    json_t *root_object = train_json_of(run);
    OK(path_format(path, "%s/train.json", in_root(run)));
    assert_int_equal(json_object_set_new(root_object, "history", json_integer(3)), 0);
    OK(json_write(path, root_object));
    FAILS(SIGMOE_BAD_FORMAT, extend(run, LONG, &l));
    assert_message_has("train.json was changed since it was written");
    assert_int_equal(json_object_del(root_object, "sha256"), 0); // hostile, not damaged
    OK(json_write_sealed(path, root_object));
    json_decref(root_object);
    FAILS(SIGMOE_BAD_FORMAT, extend(run, LONG, &l));
    assert_message_has("train.json: \"history\" must be a list");
}

// ---------------------------------------------------------------- refusing

// The run of 10 steps; what is refused changes nothing in it, not even lines of its log that a resume would cut.
static void refused(change *c, const char *expected) {
    const char *run = "fixed";
    char path[PATH_CAPACITY], log[PATH_CAPACITY];
    listener l = {0};
    OK(path_format(path, "%s/train.json", in_root(run)));
    OK(path_format(log, "%s/metrics.jsonl", in_root(run)));
    char *before = read_text(path), *logged = read_text(log);
    FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&c->request, &l));
    assert_message_has(expected);
    char *after = read_text(path), *logged_after = read_text(log);
    assert_string_equal(before, after);
    assert_string_equal(logged, logged_after);
    free(before);
    free(logged);
    free(after);
    free(logged_after);
}

#define REFUSES(member, value, expected)                                                                     \
    do {                                                                                                     \
        change c_;                                                                                           \
        resume_of(&c_, "fixed");                                                                             \
        c_.request.settings.member = (value);                                                                \
        give(&c_, #member);                                                                                  \
        refused(&c_, expected);                                                                              \
    } while (0)

static void make_fixed(void) {
    train_new("fixed", run_settings(SHORT));
    FILE *log = fopen(in_root("fixed/metrics.jsonl"), "a");
    fputs("{\"step\":10,\"loss\":1}\n", log);
    fclose(log);
}

static void test_settings_are_refused_by_name(void **state) {
    (void)state;
    make_fixed();
    REFUSES(batch, 3,
        "fixed has `batch` 2, not 3: on `resume` only `steps`, `lr`, `clip` and `schedule` can change");
    REFUSES(warmup, 4, "`warmup` 3, not 4");
    REFUSES(weight_decay, 0.5, "`weight_decay` 0.0, not 0.5");
    REFUSES(seed, 8, "`seed` 7, not 8");
    REFUSES(checkpoint_every, 6, "`checkpoint_every` 5, not 6");
    REFUSES(valid_every, 5, "`valid_every` 4, not 5");
    REFUSES(valid_tokens, 20, "`valid_tokens` 0, not 20");
    REFUSES(dtype, SIGMOE_BF16, "`dtype` f32, not bf16");
    REFUSES(steps, 9, "fixed has done 10 steps, and `steps` asks for 9");
    REFUSES(lr, NAN, "lr is nan");
    REFUSES(schedule, (sigmoe_schedule)7, "schedule is choice 7");
    change c;
    resume_of(&c, "fixed");
    c.request.checkpoint_seconds = 60;
    give(&c, "checkpoint_seconds");
    refused(&c, "`checkpoint_seconds` 900 s, not 60 s");
    resume_of(&c, "fixed");
    give(&c, "learning_rate");
    refused(&c, "no training setting \"learning_rate\"");
    resume_of(&c, "fixed");
    c.request.force = true;
    refused(&c, "`force`");
}

static void test_models_are_refused_by_key(void **state) {
    (void)state;
    make_fixed();
    const char *const deeper[] = {"n_layers=3"}, *const router[] = {"ff.k=2", "ff.router=softmax"};
    sigmoe_config dense = make_config(DENSE), same = make_config(MOE);
    change c;
    resume_of(&c, "fixed");
    c.request.overrides = deeper;
    c.request.override_count = 1;
    refused(&c, "fixed has n_layers 2, not 3: on `resume` only");
    c.request.init = c.out;
    refused(&c, "n_layers 2, not 3");
    c.request.overrides = router;
    c.request.override_count = 2;
    refused(&c, "ff.router sigmoid, not softmax");
    c.request.config = &same;
    refused(&c, "name one at most");
    resume_of(&c, "fixed");
    c.request.config = &dense;
    refused(&c, "ff.type moe, not dense");
    resume_of(&c, "fixed");
    c.request.unroll = 5;
    refused(&c, "unroll 4, not 5");
}

static void test_the_same_passes(void **state) {
    (void)state;
    static const char *const names[] = {"batch", "steps", "lr", "clip", "warmup", "weight_decay", "seed",
        "checkpoint_every", "valid_every", "valid_tokens", "dtype", "schedule", "checkpoint_seconds"};
    const char *const overrides[] = {"ff.k=2", "dropout=0.1"};
    const char *run = "same";
    sigmoe_config config = make_config(MOE);
    listener l = {0};
    change c;
    train_new(run, run_settings(SHORT));
    resume_of(&c, run);
    c.request.config = &config;
    c.request.overrides = overrides;
    c.request.override_count = 2;
    c.request.unroll = UNROLL;
    c.request.data = in_root("data");
    c.request.settings = run_settings(SHORT);
    for (int i = 0; i < 13; i++) give(&c, names[i]);
    OK(carry_out(&c.request, &l));
    assert_history(run, "[]");
    assert_null(strstr(l.notes, "change"));
    c.request.config = NULL;
    c.request.init = c.out;
    OK(carry_out(&c.request, &l));
}

// Those in the directory that is named, rather than in the run's own.
static void test_other_data_are_refused(void **state) {
    (void)state;
    make_fixed();
    OK(directory_make(in_root("others")));
    write_split(in_root("others"), "train", TRAIN_TOKENS, 1);
    write_text(in_root("others/meta.json"), "{\"vocab_size\": 11, \"tokenizer\": {\"type\": \"none\"}}");
    change c;
    resume_of(&c, "fixed");
    c.request.data = in_root("others");
    refused(&c, "others are not what this run began with, which were in ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosine_is_drawn_anew),
        cmocka_unit_test(test_constant_runs_extend_to_the_same_bits),
        cmocka_unit_test(test_rate_is_held),
        cmocka_unit_test(test_only_what_is_given_counts),
        cmocka_unit_test(test_interrupted_again),
        cmocka_unit_test(test_killed_between_change_and_step),
        cmocka_unit_test(test_history_follows_the_checkpoint),
        cmocka_unit_test(test_older_runs),
        cmocka_unit_test(test_what_fails_changes_nothing),
        cmocka_unit_test(test_damaged_history_is_refused),
        cmocka_unit_test(test_settings_are_refused_by_name),
        cmocka_unit_test(test_models_are_refused_by_key),
        cmocka_unit_test(test_the_same_passes),
        cmocka_unit_test(test_other_data_are_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
