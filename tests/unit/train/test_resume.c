// A run that was stopped and resumed has the bits of one that was not; and what a resume finds damaged, it refuses.
#include "train/fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

// Raises the stop flag when the first checkpoint has been written.
typedef struct stopper {
    sigmoe_flag stop;
    bool armed;
} stopper;

static void on_note(void *context, const char *line) {
    stopper *s = context;
    if (s->armed && strstr(line, "checkpoint written")) s->stop = 1;
}

static sigmoe_status train(const char *run, const sigmoe_config *config,
    const sigmoe_train_settings *settings, stopper *s, int thread_count) {
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer),
        .note = on_note,
        .context = s,
        .stop = &s->stop,
        .threads = thread_count};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.config = config;
    request.data = in_root("data");
    request.out = run;
    request.settings = *settings;
    request.force = true;
    return sigmoe_train(&request, &observer, NULL);
}

static sigmoe_status resume(const char *run, int thread_count) {
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .threads = thread_count};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = run;
    request.resume = true;
    return sigmoe_train(&request, &observer, NULL);
}

// Lines without what tells the time.
static char *timeless(const char *run) {
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/metrics.jsonl", run));
    char *text = read_text(path), *out = text;
    for (char *in = text; *in;) {
        if (strncmp(in, ",\"tokens_per_s\":", 16) == 0) in += strcspn(in, "}");
        *out++ = *in++;
    }
    *out = '\0';
    return text;
}

static int count_lines(const char *text) {
    int count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

static void assert_same_logs(const char *a, const char *b, int lines) {
    char x[PATH_CAPACITY], y[PATH_CAPACITY];
    char *metrics_a = timeless(a), *metrics_b = timeless(b);
    assert_string_equal(metrics_a, metrics_b);
    assert_int_equal(count_lines(metrics_a), lines);
    free(metrics_a);
    free(metrics_b);
    OK(path_format(x, "%s/valid.jsonl", a));
    OK(path_format(y, "%s/valid.jsonl", b));
    assert_same_file(x, y);
}

// 61 tokens in 2 streams of 30 give 7 steps an epoch: 16 steps end in the third.
static sigmoe_train_settings run_settings(void) {
    sigmoe_train_settings settings = small_settings(16);
    settings.checkpoint_every = 5;
    settings.valid_every = 4;
    return settings;
}

// From its first step to its last.
static void train_whole(const char *run, const char *ff, sigmoe_train_settings settings) {
    sigmoe_config config = make_config(ff);
    stopper never = {0};
    OK(train(run, &config, &settings, &never, 1));
}

static void check_stopped_and_resumed(const char *ff) {
    sigmoe_config config = make_config(ff);
    sigmoe_train_settings settings = run_settings();
    stopper never = {0}, early = {.armed = true};
    const char *whole = in_root("whole"), *parts = in_root("parts");
    OK(train(whole, &config, &settings, &never, 1));
    FAILS(SIGMOE_INTERRUPTED, train(parts, &config, &settings, &early, 2));
    assert_message_has("step 5");
    OK(resume(parts, 2));
    assert_same_checkpoint(whole, parts, 15);
    assert_same_checkpoint(whole, parts, 16);
    assert_same_logs(whole, parts, 16);
    OK(resume(parts, 1)); // nothing is left to do
    assert_same_checkpoint(whole, parts, 16);
    assert_same_logs(whole, parts, 16);
}

static void test_moe_resumes(void **state) {
    (void)state;
    check_stopped_and_resumed(MOE);
}

static void test_hash_resumes(void **state) {
    (void)state;
    check_stopped_and_resumed(HASH);
}

static void test_dense_resumes(void **state) {
    (void)state;
    check_stopped_and_resumed(DENSE);
}

// As after a crash: the log is ahead of the checkpoint, its last line cut in two.
static void test_log_is_cut(void **state) {
    (void)state;
    sigmoe_config config = make_config(MOE);
    sigmoe_train_settings settings = run_settings();
    stopper never = {0};
    const char *whole = in_root("whole"), *crashed = in_root("crashed");
    OK(train(whole, &config, &settings, &never, 1));
    OK(train(crashed, &config, &settings, &never, 1));
    OK(directory_remove(in_root("crashed/checkpoints/00000016")));
    OK(directory_make(in_root("crashed/checkpoints/00000016.partial")));
    OK(directory_make(in_root("crashed/checkpoints/00000017.partial/x")));
    OK(directory_make(in_root("crashed/checkpoints/mine.partial")));
    whole = in_root("whole"), crashed = in_root("crashed"); // only a few paths stay valid
    FILE *log = fopen(in_root("crashed/metrics.jsonl"), "a");
    fputs("{\"step\":16,\"loss\":1}\n{\"step\":17,\"lo", log);
    fclose(log);
    OK(resume(crashed, 1));
    assert_same_checkpoint(whole, crashed, 16);
    assert_same_logs(whole, crashed, 16);
    // Whatever step it was of, but not what is no checkpoint's.
    assert_false(path_exists(in_root("crashed/checkpoints/00000017.partial")));
    assert_true(path_exists(in_root("crashed/checkpoints/mine.partial")));
}

static void exit_at_validation(void *context, const char *line) {
    (void)context;
    if (strstr(line, "valid")) _exit(0);
}

// Ends the process as a kill would: nothing is saved.
static void train_killed(
    const char *run, const sigmoe_config *config, const sigmoe_train_settings *settings) {
    pid_t child = fork();
    if (child == 0) {
        sigmoe_observer observer = {
            .size = sizeof(sigmoe_observer), .note = exit_at_validation, .threads = 1};
        sigmoe_train_request request;
        sigmoe_train_defaults(&request);
        request.config = config;
        request.data = in_root("data");
        request.out = run;
        request.settings = *settings;
        (void)sigmoe_train(&request, &observer, NULL);
        _exit(1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_killed_before_the_first_interval(void **state) {
    (void)state;
    sigmoe_config config = make_config(MOE);
    sigmoe_train_settings settings = run_settings();
    settings.checkpoint_every = 0;
    stopper never = {0};
    const char *whole = in_root("whole"), *killed = in_root("killed");
    OK(train(whole, &config, &settings, &never, 1));
    train_killed(killed, &config, &settings);
    assert_true(path_exists(in_root("killed/checkpoints/00000000")));
    OK(resume(killed, 1));
    assert_same_checkpoint(whole, killed, 16);
    assert_same_logs(whole, killed, 16);
    assert_false(path_exists(in_root("killed/checkpoints/00000000"))); // another is there
}

static void test_newest_two_are_kept(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(10);
    settings.checkpoint_every = 2;
    train_whole(in_root("kept"), DENSE, settings);
    arena *a;
    char **names;
    int count;
    OK(arena_create("test", &a));
    OK(directory_list(in_root("kept/checkpoints"), a, &names, &count));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "00000008");
    assert_string_equal(names[1], "00000010");
    arena_destroy(a);
}

// A file in place of checkpoint 16's, which must then be refused by name.
static void refuse_with(
    const char *name, const char *content, size_t length, sigmoe_status status, const char *expected) {
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/%s", in_root("damaged/checkpoints/00000016"), name));
    char *saved;
    file_map map;
    OK(file_map_open(path, &map));
    size_t saved_length = map.size;
    saved = malloc(saved_length);
    memcpy(saved, map.bytes, saved_length);
    file_map_close(&map);

    FILE *file = fopen(path, "w");
    if (!content) length = saved_length / 2;
    assert_int_equal(fwrite(content ? content : saved, 1, length, file), length);
    fclose(file);
    FAILS(status, resume(in_root("damaged"), 1));
    assert_message_has(expected);

    file = fopen(path, "w");
    assert_int_equal(fwrite(saved, 1, saved_length, file), saved_length);
    fclose(file);
    free(saved);
}

static void test_damage_is_refused(void **state) {
    (void)state;
    train_whole(in_root("damaged"), MOE, run_settings());
    OK(directory_remove(in_root("damaged/checkpoints/00000015"))); // which would be used
    refuse_with("model.safetensors", NULL, 0, SIGMOE_BAD_FORMAT, "model.safetensors");
    refuse_with("trainer.safetensors", NULL, 0, SIGMOE_BAD_FORMAT, "trainer.safetensors");
    refuse_with("config.json", NULL, 0, SIGMOE_BAD_FORMAT, "config.json");
    refuse_with("trainer.json", "{}", 2, SIGMOE_BAD_FORMAT, "trainer.json");
    const char *const counters[] = {"{\"version\": 1, \"step\": 17, \"seed\": 7, \"cursor\": {\"epoch\": 0, "
                                    "\"position\": 0}, \"memory_rows\": 0}",
        "{\"version\": 1, \"step\": 16, \"seed\": 7, \"cursor\": {\"epoch\": 0, \"position\": 31}, "
        "\"memory_rows\": 0}",
        "{\"version\": 1, \"step\": 16, \"seed\": 7, \"cursor\": {\"epoch\": 2, \"position\": 9}, "
        "\"memory_rows\": 4}",
        "{\"version\": 1, \"step\": 16, \"seed\": 7, \"cursor\": {\"epoch\": 1, \"position\": 8}, "
        "\"memory_rows\": 4}",
        "{\"version\": 1, \"step\": 16, \"seed\": 7, \"cursor\": {\"epoch\": 0, \"position\": 0}, "
        "\"memory_rows\": 5}",
        "{\"version\": 1, \"step\": 16, \"seed\": 8, \"cursor\": {\"epoch\": 0, \"position\": 0}, "
        "\"memory_rows\": 4}",
        "{\"version\": 1, \"step\": -1, \"seed\": 7, \"cursor\": {\"epoch\": 0, \"position\": 0}, "
        "\"memory_rows\": 4}"};
    forget_sums(in_root("damaged/checkpoints/00000016"));
    for (int i = 0; i < 7; i++)
        refuse_with("trainer.json", counters[i], strlen(counters[i]), SIGMOE_BAD_FORMAT, "trainer.json");
    OK(resume(in_root("damaged"), 1)); // repaired
}

// ---------------------------------------------------------------- damage that only the values show

// Where a tensor's first value lies in the file; the format's offsets count from behind the header.
static size_t place_of(const char *path, const char *name) {
    char key[200];
    file_map map;
    uint64_t header;
    long long offset = -1;
    OK(file_map_open(path, &map));
    memcpy(&header, map.bytes, sizeof header);
    char *text = strndup((const char *)map.bytes + 8, header);
    snprintf(key, sizeof key, "\"%s\"", name);
    char *place = strstr(text, key);
    assert_non_null(place);
    place = strstr(place, "\"data_offsets\":[");
    assert_int_equal(sscanf(place, "\"data_offsets\":[%lld", &offset), 1);
    free(text);
    file_map_close(&map);
    return 8 + header + (size_t)offset;
}

static void poke(const char *path, size_t place, const void *bytes, size_t count) {
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)place, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void refuse_value(const char *name, float value, sigmoe_status status, const char *expected) {
    const char *path = in_root("values/checkpoints/00000016/trainer.safetensors");
    size_t place = place_of(path, name);
    file_map map;
    float saved;
    OK(file_map_open(path, &map));
    memcpy(&saved, map.bytes + place, sizeof saved);
    file_map_close(&map);
    poke(path, place, &value, sizeof value);
    FAILS(status, resume(in_root("values"), 1));
    assert_message_has(expected);
    assert_message_has(name);
    poke(path, place, &saved, sizeof saved);
}

static void test_trainer_values_are_checked(void **state) {
    (void)state;
    train_whole(in_root("values"), MOE, run_settings());
    OK(directory_remove(in_root("values/checkpoints/00000015")));
    forget_sums(in_root("values/checkpoints/00000016"));
    refuse_value("moment1.embed.weight", NAN, SIGMOE_NOT_FINITE, "trainer.safetensors");
    refuse_value("moment2.embed.weight", INFINITY, SIGMOE_NOT_FINITE, "not finite");
    refuse_value("moment2.embed.weight", -1e-9f, SIGMOE_BAD_FORMAT, "negative");
    refuse_value("memory.0", NAN, SIGMOE_NOT_FINITE, "not finite");
    // A tensor that nothing asks for: another name of the same length.
    const char *path = in_root("values/checkpoints/00000016/trainer.safetensors");
    file_map map;
    OK(file_map_open(path, &map));
    size_t place =
        (size_t)((const unsigned char *)memmem(map.bytes, map.size, "\"memory.1\"", 10) - map.bytes);
    file_map_close(&map);
    poke(path, place, "\"memory.9\"", 10);
    FAILS(SIGMOE_BAD_FORMAT, resume(in_root("values"), 1));
    assert_message_has("memory.1");
    poke(path, place, "\"memory.1\"", 10);
    OK(resume(in_root("values"), 1)); // repaired, and without checksums
}

// Files of several checkpoints, each of them whole.
static void test_mixed_checkpoints_are_refused(void **state) {
    (void)state;
    static const char *const files[] = {"model.safetensors", "trainer.safetensors", "trainer.json"};
    for (int i = 0; i < 3; i++) {
        char older[PATH_CAPACITY], newer[PATH_CAPACITY];
        train_whole(in_root("mixed"), MOE, run_settings());
        OK(path_format(older, "%s/%s", in_root("mixed/checkpoints/00000015"), files[i]));
        OK(path_format(newer, "%s/%s", in_root("mixed/checkpoints/00000016"), files[i]));
        assert_int_equal(rename(older, newer), 0);
        FAILS(SIGMOE_BAD_FORMAT, resume(in_root("mixed"), 1));
        assert_message_has(files[i]);
    }
}

static void test_changed_config_is_refused(void **state) {
    (void)state;
    sigmoe_config config = make_config(DENSE);
    train_whole(in_root("changed"), DENSE, small_settings(2));
    config.model.dropout = 0.5;
    OK(config_write(in_root("changed/checkpoints/00000002/config.json"), &config));
    FAILS(SIGMOE_BAD_FORMAT, resume(in_root("changed"), 1));
    assert_message_has("config.json is not as it was written");
}

// Neither weights nor moments, of which no loss was computed yet: what is there stays the newest.
static void test_what_is_not_finite_is_not_written(void **state) {
    (void)state;
    sigmoe_config config = make_config(DENSE);
    sigmoe_train_settings settings = small_settings(3);
    step_report report;
    dataset data;
    trainer *t;
    char newest[PATH_CAPACITY];
    OK(dataset_open(in_root("data"), &data));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    OK(trainer_create(&request, &t));
    OK(trainer_begin_run(t, in_root("huge")));
    OK(checkpoint_write(t));
    OK(trainer_step(t, &report));
    parameter *p = parameters_at(transformer_parameters(trainer_model(t)), 0);
    real *const damaged[] = {p->value, p->moment1, p->moment2};
    for (int i = 0; i < 3; i++) {
        real saved = damaged[i][0];
        damaged[i][0] = INFINITY;
        FAILS(SIGMOE_NOT_FINITE, checkpoint_write(t));
        assert_message_has("the checkpoint of step 1 was not written");
        assert_message_has(p->name);
        OK(checkpoint_newest(in_root("huge"), newest));
        assert_non_null(strstr(newest, "/00000000"));
        assert_false(path_exists(in_root("huge/checkpoints/00000001.partial")));
        damaged[i][0] = saved;
    }
    OK(checkpoint_write(t));
    trainer_destroy(t);
}

// ---------------------------------------------------------------- logs that a crash does not leave

static void refuse_log(const char *name, const char *content, const char *expected) {
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/%s", in_root("logs"), name));
    char *whole = read_text(path);
    write_text(path, content);
    FAILS(SIGMOE_BAD_FORMAT, resume(in_root("logs"), 1));
    assert_message_has(expected);
    char *left = read_text(path);
    assert_string_equal(left, content); // nothing is cut
    write_text(path, whole);
    free(whole);
    free(left);
}

static void test_damaged_logs_are_kept(void **state) {
    (void)state;
    train_whole(in_root("logs"), MOE, run_settings());
    refuse_log("metrics.jsonl", "", "metrics.jsonl: line 1 ");
    refuse_log("metrics.jsonl", "{\"step\":0}\n{\"step\":2}\n", "metrics.jsonl: line 2 ");
    char *metrics = read_text(in_root("logs/metrics.jsonl"));
    strstr(metrics, "{\"step\":4")[3] = '\0'; // and what is behind it
    char *damaged = NULL;
    assert_true(asprintf(&damaged, "%sx\n{\"step\":5}\n", metrics) > 0);
    refuse_log("metrics.jsonl", damaged, "metrics.jsonl: line 5 ");
    refuse_log("valid.jsonl", "{\"step\":4}\ngarbage\n{\"step\":12}\n", "valid.jsonl: line 2 ");
    refuse_log("valid.jsonl", "{\"step\":4}\ngarbage\n{\"step\":20}\n", "valid.jsonl: line 2 ");
    refuse_log("valid.jsonl", "{\"step\":4}\n{\"step\":4}\n", "valid.jsonl: line 2 ");
    // One is damaged, and another has lines that a resume would cut.
    OK(rename(in_root("logs/checkpoints/00000016"), in_root("later")) == 0 ? SIGMOE_OK : SIGMOE_IO);
    char *all = read_text(in_root("logs/metrics.jsonl"));
    refuse_log("valid.jsonl", "garbage\n{\"step\":12}\n", "valid.jsonl: line 1 ");
    char *after = read_text(in_root("logs/metrics.jsonl"));
    assert_string_equal(all, after);
    free(all);
    free(after);
    OK(rename(in_root("later"), in_root("logs/checkpoints/00000016")) == 0 ? SIGMOE_OK : SIGMOE_IO);
    OK(unlink(in_root("logs/metrics.jsonl")) == 0 ? SIGMOE_OK : SIGMOE_IO);
    FAILS(SIGMOE_BAD_FORMAT, resume(in_root("logs"), 1));
    assert_message_has("metrics.jsonl: line 1 ");
    free(metrics);
    free(damaged);
}

static void test_moved_data(void **state) {
    (void)state;
    train_whole(in_root("follows"), DENSE, small_settings(2));
    OK(rename(in_root("data"), in_root("elsewhere")) == 0 ? SIGMOE_OK : SIGMOE_IO);
    sigmoe_status lost = resume(in_root("follows"), 1);
    char *sentence = strdup(sigmoe_message());
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = in_root("follows");
    request.data = in_root("elsewhere");
    request.resume = true;
    sigmoe_status found = sigmoe_train(&request, NULL, NULL);
    OK(rename(in_root("elsewhere"), in_root("data")) == 0 ? SIGMOE_OK : SIGMOE_IO); // others need it
    assert_int_not_equal(lost, SIGMOE_OK);
    assert_non_null(strstr(sentence, "`data`"));
    OK(found);
    free(sentence);
}

static void test_other_data_is_refused(void **state) {
    (void)state;
    train_whole(in_root("moved"), DENSE, small_settings(2));
    char *meta = read_text(in_root("data/meta.json"));
    char *changed = strdup(meta);
    strstr(changed, "\"00\"")[1] = '1'; // another checksum
    write_text(in_root("data/meta.json"), changed);
    FAILS(SIGMOE_BAD_FORMAT, resume(in_root("moved"), 1));
    assert_message_has("data");
    write_text(in_root("data/meta.json"), meta);
    OK(resume(in_root("moved"), 1));
    free(meta);
    free(changed);
}

static void flip_last_token(const char *path) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -2, SEEK_END), 0);
    int low = fgetc(file);
    assert_int_equal(fseek(file, -2, SEEK_END), 0);
    assert_int_not_equal(fputc(low ^ 1, file), EOF);
    assert_int_equal(fclose(file), 0);
}

// Between two parts of a run, one token: meta.json has no sums of these data, but the run has.
static void test_changed_data_are_refused(void **state) {
    (void)state;
    train_whole(in_root("changed"), DENSE, small_settings(2));
    for (int i = 0; i < 2; i++) {
        char path[PATH_CAPACITY];
        OK(path_format(path, "%s", in_root(i ? "data/valid.bin" : "data/train.bin")));
        flip_last_token(path);
        FAILS(SIGMOE_BAD_FORMAT, resume(in_root("changed"), 1));
        assert_message_has("are not what this run began with");
        flip_last_token(path);
        OK(resume(in_root("changed"), 1));
    }
}

static void test_one_process_at_a_time(void **state) {
    (void)state;
    sigmoe_config config = make_config(DENSE);
    sigmoe_train_settings settings = small_settings(2);
    stopper never = {0}, stopped = {.stop = 1};
    const char *run = in_root("shared");
    OK(train(run, &config, &settings, &never, 1));
    int lock = open(in_root("shared/.lock"), O_RDWR);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    FAILS(SIGMOE_IO, resume(run, 1));
    assert_message_has("shared is in use");
    FAILS(SIGMOE_INTERRUPTED, train(run, &config, &settings, &stopped, 1)); // who replaces it waits, too
    assert_message_has("in use");
    assert_true(path_exists(in_root("shared/train.json")));
    close(lock);
    OK(resume(run, 1));
}

static void test_nothing_to_resume(void **state) {
    (void)state;
    FAILS(SIGMOE_BAD_ARGUMENT, resume(in_root("nowhere"), 1));
    assert_message_has("nowhere");
    FAILS(SIGMOE_BAD_ARGUMENT, resume(in_root("data"), 1));
    assert_false(path_exists(in_root("data/.lock")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moe_resumes),
        cmocka_unit_test(test_hash_resumes),
        cmocka_unit_test(test_dense_resumes),
        cmocka_unit_test(test_log_is_cut),
        cmocka_unit_test(test_killed_before_the_first_interval),
        cmocka_unit_test(test_newest_two_are_kept),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_trainer_values_are_checked),
        cmocka_unit_test(test_mixed_checkpoints_are_refused),
        cmocka_unit_test(test_changed_config_is_refused),
        cmocka_unit_test(test_what_is_not_finite_is_not_written),
        cmocka_unit_test(test_damaged_logs_are_kept),
        cmocka_unit_test(test_moved_data),
        cmocka_unit_test(test_other_data_is_refused),
        cmocka_unit_test(test_changed_data_are_refused),
        cmocka_unit_test(test_one_process_at_a_time),
        cmocka_unit_test(test_nothing_to_resume),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
