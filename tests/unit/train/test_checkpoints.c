// Which checkpoints a run keeps, and that no changed byte of one, or of what it depends on, goes unnoticed.
#include "train/fixture.h"

#include "formats/manifest.h"
#include "sanitizers.h"
#include "system_faults.h"

#include <errno.h>

enum { STEPS = 16, NOTES = 1 << 14 };

typedef struct listener {
    char notes[NOTES];
    void (*at_checkpoint)(void); // NULL: nothing
} listener;

static void on_note(void *context, const char *line) {
    listener *l = context;
    size_t used = strlen(l->notes);
    snprintf(l->notes + used, sizeof l->notes - used, "%s\n", line);
    if (l->at_checkpoint && strstr(line, "checkpoint written")) l->at_checkpoint();
}

static sigmoe_status carry_out(const sigmoe_train_request *request, listener *l) {
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .note = on_note, .context = l, .threads = 1};
    return sigmoe_train(request, &observer, NULL);
}

static sigmoe_train_request request_for(const char *run) {
    static sigmoe_config config;
    sigmoe_train_request request;
    config = make_config(MOE);
    sigmoe_train_defaults(&request);
    request.config = &config;
    request.data = in_root("data");
    request.out = run;
    request.settings = small_settings(STEPS);
    request.settings.checkpoint_every = 5;
    request.settings.valid_every = 4;
    request.force = true;
    return request;
}

static void train(const char *run) {
    listener l = {0};
    sigmoe_train_request request = request_for(run);
    OK(carry_out(&request, &l));
}

static sigmoe_status resume(const char *run, listener *l) {
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = run;
    request.resume = true;
    return carry_out(&request, l);
}

static sigmoe_status resume_quietly(const char *run) {
    listener l = {0};
    return resume(run, &l);
}

// The names in the run's checkpoints, those with an optimizer's state marked: "00000005 00000016+".
static void assert_kept(const char *run, const char *expected) {
    char directory[PATH_CAPACITY], file[PATH_CAPACITY], kept[1024] = "", **names;
    arena *a;
    int count;
    OK(arena_create("test", &a));
    OK(path_format(directory, "%s/checkpoints", run));
    OK(directory_list(directory, a, &names, &count));
    for (int i = 0; i < count; i++) {
        size_t used = strlen(kept);
        OK(path_format(file, "%s/%s/trainer.safetensors", directory, names[i]));
        snprintf(kept + used, sizeof kept - used, "%s%s%s", used ? " " : "", names[i],
            path_exists(file) ? "+" : "");
    }
    arena_destroy(a);
    assert_string_equal(kept, expected);
}

// ---------------------------------------------------------------- changed bytes

static void poke(const char *path, size_t place, unsigned char byte) {
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)place, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

// Changes one bit after the other of places all over the file, and has `use` refuse it each time.
static void flip(const char *file, size_t places, sigmoe_status (*use)(void)) {
    char path[PATH_CAPACITY]; // `use` takes further paths
    file_map map;
    OK(path_format(path, "%s", file));
    OK(file_map_open(path, &map));
    size_t size = map.size, step = size / places + 1;
    unsigned char *bytes = malloc(size);
    memcpy(bytes, map.bytes, size);
    file_map_close(&map);
    for (size_t at = 0; at < size; at = at + step < size || at == size - 1 ? at + step : size - 1) {
        poke(path, at, bytes[at] ^ (unsigned char)(1 << at % 8));
        sigmoe_status status = use();
        if (status == SIGMOE_OK) print_error("%s: byte %zu was changed unnoticed\n", path, at);
        assert_int_not_equal(status, SIGMOE_OK);
        poke(path, at, bytes[at]);
    }
    free(bytes);
    OK(use());
}

static sigmoe_status check_newest(void) {
    return checkpoint_check(in_root("flipped/checkpoints/00000016"));
}

static sigmoe_status load_newest(void) {
    sigmoe_model *model;
    TRY(sigmoe_model_load(in_root("flipped"), 1, &model));
    sigmoe_model_free(model);
    return SIGMOE_OK;
}

static sigmoe_status resume_flipped(void) {
    return resume_quietly(in_root("flipped"));
}

static void test_changed_bytes_are_noticed(void **state) {
    (void)state;
    static const char *const files[] = {
        "config.json", "model.safetensors", "manifest.json", "trainer.json", "trainer.safetensors"};
    static const char *const logs[] = {
        "train.json", "logs.json", "metrics.jsonl", "usage.jsonl", "valid.jsonl"};
    char path[PATH_CAPACITY];
    train(in_root("flipped"));
    OK(directory_remove(in_root("flipped/checkpoints/00000015"))); // which would be used instead
    for (int i = 0; i < 5; i++) {
        OK(path_format(path, "%s/checkpoints/00000016/%s", in_root("flipped"), files[i]));
        flip(path, 1000, check_newest);
        flip(path, 10, resume_flipped);
        if (i < 3) flip(path, 100, load_newest);
    }
    for (int i = 0; i < 5; i++) {
        OK(path_format(path, "%s/%s", in_root("flipped"), logs[i]));
        flip(path, 60, resume_flipped);
    }
}

// A file that is gone is not one that never was.
static void test_missing_files_are_noticed(void **state) {
    (void)state;
    static const char *const files[] = {"valid.jsonl", "usage.jsonl", "logs.json", "metrics.jsonl",
        "checkpoints/00000016/manifest.json", "checkpoints/00000016/model.safetensors"};
    char path[PATH_CAPACITY];
    train(in_root("missing"));
    OK(directory_remove(in_root("missing/checkpoints/00000015")));
    for (int i = 0; i < 6; i++) {
        OK(path_format(path, "%s/%s", in_root("missing"), files[i]));
        assert_int_equal(rename(path, in_root("aside")), 0);
        assert_int_not_equal(resume_quietly(in_root("missing")), SIGMOE_OK);
        assert_message_has(path_leaf(path));
        assert_int_equal(rename(in_root("aside"), path), 0);
    }
    OK(resume_quietly(in_root("missing")));
}

// What was written to a log after the checkpoint is cut off, whatever it is.
static void test_logs_are_cut_to_the_checkpoint(void **state) {
    (void)state;
    train(in_root("longer"));
    char *before = read_text(in_root("longer/usage.jsonl"));
    FILE *log = fopen(in_root("longer/usage.jsonl"), "a");
    fputs("garbage\n{\"step\":3}\n", log);
    fclose(log);
    OK(resume_quietly(in_root("longer")));
    char *after = read_text(in_root("longer/usage.jsonl"));
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_the_one_before_is_used(void **state) {
    (void)state;
    const char *files[] = {"model.safetensors", "trainer.safetensors", "config.json", "manifest.json"};
    char path[PATH_CAPACITY];
    train(in_root("whole"));
    for (int i = 0; i < 4; i++) {
        listener l = {0};
        train(in_root("damaged"));
        OK(path_format(path, "%s/checkpoints/00000016/%s", in_root("damaged"), files[i]));
        poke(path, 60, '~');
        // Readers of the model say so and read no other; they leave the optimizer's state alone.
        sigmoe_model *model = NULL;
        sigmoe_status status = sigmoe_model_load(in_root("damaged"), 1, &model);
        assert_int_equal(status, i == 1 ? SIGMOE_OK : SIGMOE_BAD_FORMAT);
        if (model) sigmoe_model_free(model);
        OK(resume(in_root("damaged"), &l));
        assert_non_null(strstr(l.notes, "checkpoint 00000016 is passed over"));
        assert_non_null(strstr(l.notes, files[i]));
        assert_non_null(strstr(l.notes, "from step 15 of 16"));
        assert_same_checkpoint(in_root("whole"), in_root("damaged"), STEPS);
        assert_kept(in_root("damaged"), "00000015+ 00000016+"); // the damaged one has a successor
    }
}

static void test_none_is_whole(void **state) {
    (void)state;
    train(in_root("lost"));
    poke(in_root("lost/checkpoints/00000015/model.safetensors"), 99, '~');
    poke(in_root("lost/checkpoints/00000016/model.safetensors"), 99, '~');
    FAILS(SIGMOE_BAD_FORMAT, resume_quietly(in_root("lost")));
    assert_message_has("00000016/model.safetensors is not as it was written");
    assert_message_has("earlier checkpoints");
    assert_kept(in_root("lost"), "00000015+ 00000016+"); // nothing is changed
}

// ---------------------------------------------------------------- version 0.1.0

static void add_sum(json_t *sums, const char *directory, const char *name) {
    char path[PATH_CAPACITY], hex[SHA256_HEX];
    OK(path_format(path, "%s/%s", directory, name));
    OK(sha256_file(path, hex));
    OK(json_put(sums, name, json_string(hex)));
}

// A run as it was written then: sums in trainer.json, no manifest, no logs.json, train.json without a seal.
static void make_former(const char *run) {
    char checkpoint[PATH_CAPACITY], path[PATH_CAPACITY];
    json_t *object, *sums = json_object();
    train(run);
    OK(path_format(checkpoint, "%s/checkpoints/00000015", run));
    OK(directory_remove(checkpoint));
    OK(path_format(checkpoint, "%s/checkpoints/00000016", run));
    forget_sums(checkpoint);
    OK(path_format(path, "%s/trainer.json", checkpoint));
    OK(json_read_object(path, &object));
    OK(json_put(object, "sha256", sums));
    add_sum(sums, checkpoint, "config.json");
    add_sum(sums, checkpoint, "model.safetensors");
    add_sum(sums, checkpoint, "trainer.safetensors");
    OK(json_write(path, object));
    json_decref(object);
    OK(path_format(path, "%s/train.json", run));
    OK(json_read_object(path, &object));
    write_unsealed(path, object);
    json_decref(object);
    OK(path_format(path, "%s/logs.json", run));
    assert_int_equal(unlink(path), 0);
}

static sigmoe_status extend_former(void) {
    return resume_quietly(in_root("former"));
}

static void test_runs_of_version_0_1_0(void **state) {
    (void)state;
    make_former(in_root("former"));
    flip(in_root("former/checkpoints/00000016/model.safetensors"), 20, extend_former);
    // No damage of the sums themselves switches them off: a key, a name, the list.
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s", in_root("former/checkpoints/00000016/trainer.json")));
    char *whole = read_text(path);
    size_t sums = (size_t)(strstr(whole, "\"sha256\"") - whole);
    // The last bits of a weight, so that only its sum is wrong.
    file_map weights;
    OK(file_map_open(in_root("former/checkpoints/00000016/model.safetensors"), &weights));
    size_t last = weights.size - sizeof(float);
    unsigned char changed = weights.bytes[last] ^ 1;
    file_map_close(&weights);
    poke(in_root("former/checkpoints/00000016/model.safetensors"), last, changed);
    for (size_t at = sums; whole[at]; at++) {
        if (whole[at] == ' ' || whole[at] == '\n') continue;
        poke(path, at, (unsigned char)(whole[at] ^ 1));
        assert_int_not_equal(resume_quietly(in_root("former")), SIGMOE_OK);
        poke(path, at, (unsigned char)whole[at]);
    }
    free(whole);
    // What is written from now on has a manifest.
    make_former(in_root("former"));
    sigmoe_train_request request;
    listener l = {0};
    const char *given[] = {"steps"};
    sigmoe_train_defaults(&request);
    request.out = in_root("former");
    request.resume = true;
    request.settings.steps = STEPS + 1;
    request.given = given;
    request.given_count = 1;
    OK(carry_out(&request, &l));
    assert_true(path_exists(in_root("former/checkpoints/00000017/manifest.json")));
    OK(resume_quietly(in_root("former")));
}

// ---------------------------------------------------------------- what is kept

static void resume_with(const char *run, int64_t keep, int64_t every, bool best) {
    static const char *const given[] = {"keep", "keep_every", "keep_best"};
    listener l = {0};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = run;
    request.resume = true;
    request.keep = keep;
    request.keep_every = every;
    request.keep_best = best;
    request.given = given;
    request.given_count = 3;
    OK(carry_out(&request, &l));
}

// The step of the best line of valid.jsonl.
static int64_t best_validation(const char *run) {
    char path[PATH_CAPACITY];
    double best = INFINITY;
    int64_t step = -1;
    OK(path_format(path, "%s/valid.jsonl", run));
    char *text = read_text(path);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        double nats = strtod(strstr(line, "\"nats_per_token\":") + 17, NULL);
        if (nats < best) best = nats, step = strtoll(line + strlen("{\"step\":"), NULL, 10);
    }
    free(text);
    return step;
}

static void test_newest_and_every(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_train_request request = request_for(in_root("kept"));
    request.settings.checkpoint_every = 2;
    request.keep = 3;
    request.keep_every = 6;
    OK(carry_out(&request, &l));
    assert_kept(in_root("kept"), "00000006 00000012+ 00000014+ 00000016+");
    sigmoe_model *model;
    OK(sigmoe_model_load(in_root("kept/checkpoints/00000006"), 1, &model));
    sigmoe_model_free(model);
    // Fewer are kept from now on, and what is no longer kept goes at once.
    resume_with(in_root("kept"), 1, 0, false);
    assert_kept(in_root("kept"), "00000016+");
}

static void test_best_is_kept(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_train_request request = request_for(in_root("best"));
    request.settings.lr = 0.3; // validations get worse again
    request.settings.warmup = 0;
    request.settings.valid_every = 1;
    request.settings.steps = 12;
    request.settings.checkpoint_every = 0;
    request.keep = 1;
    request.keep_best = true;
    OK(carry_out(&request, &l));
    int64_t best = best_validation(in_root("best"));
    assert_true(best > 0 && best < 12);
    char expected[64];
    snprintf(expected, sizeof expected, "%08d 00000012+", (int)best);
    assert_kept(in_root("best"), expected);
    // It is a model, and nothing to go on from.
    OK(directory_remove(in_root("best/checkpoints/00000012")));
    FAILS(SIGMOE_BAD_FORMAT, resume_quietly(in_root("best")));
    assert_message_has("was kept as a model");
}

static void test_what_can_be_kept(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_train_request request = request_for(in_root("never"));
    request.keep = -1;
    FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&request, &l));
    assert_message_has("keep is -1");
    request.keep = 0; // the default
    request.keep_every = -1;
    FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&request, &l));
    assert_message_has("keep_every is -1");
    request.keep_every = 0;
    request.keep_best = true;
    request.settings.valid_every = 0;
    FAILS(SIGMOE_BAD_ARGUMENT, carry_out(&request, &l));
    assert_message_has("`keep_best`");
    assert_false(path_exists(in_root("never")));
}

// ---------------------------------------------------------------- what is left

// Killed while it was removing: also a finished run is cleaned, and other names are not touched.
static void test_leftovers_go(void **state) {
    (void)state;
    train(in_root("left"));
    OK(directory_make(in_root("left/checkpoints/00000010.removed")));
    write_text(in_root("left/checkpoints/00000010.removed/model.safetensors"), "half");
    OK(directory_make(in_root("left/checkpoints/00000017.partial")));
    OK(directory_make(in_root("left/checkpoints/00000011.damaged")));
    OK(directory_make(in_root("left/checkpoints/00000019.damaged"))); // its step is not reached yet
    OK(directory_make(in_root("left/checkpoints/mine.removed")));
    OK(resume_quietly(in_root("left")));
    assert_kept(in_root("left"), "00000015+ 00000016+ 00000019.damaged mine.removed");
    OK(resume_quietly(in_root("left")));
}

// Killed between the manifest of a checkpoint that is kept as a model and the removal of its state.
static void test_half_forgotten_state_goes(void **state) {
    (void)state;
    listener l = {0};
    sigmoe_train_request request = request_for(in_root("half"));
    manifest m;
    request.keep_every = 5;
    OK(carry_out(&request, &l));
    assert_kept(in_root("half"), "00000005 00000010 00000015+ 00000016+");
    OK(manifest_open(in_root("half/checkpoints/00000010"), &m));
    assert_false(manifest_names(&m, "trainer.safetensors"));
    OK(manifest_check_all(&m));
    manifest_close(&m);
    write_text(in_root("half/checkpoints/00000010/trainer.safetensors"), "left");
    OK(resume_quietly(in_root("half")));
    assert_kept(in_root("half"), "00000005 00000010 00000015+ 00000016+");
}

// ---------------------------------------------------------------- the run's place

static void remove_lock(void) {
    (void)unlink(in_root("guarded/.lock"));
}

static void replace_lock(void) {
    remove_lock();
    write_text(in_root("guarded/.lock"), "");
}

static void move_run(void) {
    if (!path_exists(in_root("moved"))) assert_int_equal(rename(in_root("guarded"), in_root("moved")), 0);
}

static void test_a_replaced_run_is_noticed(void **state) {
    (void)state;
    void (*const done[])(void) = {remove_lock, replace_lock, move_run};
    for (int i = 0; i < 3; i++) {
        listener l = {.at_checkpoint = done[i]};
        sigmoe_train_request request = request_for(in_root("guarded"));
        FAILS(SIGMOE_IO, carry_out(&request, &l));
        assert_message_has("was removed or replaced while the run was in progress");
    }
    assert_false(path_exists(in_root("guarded")));
    OK(resume_quietly(in_root("moved")));
    assert_kept(in_root("moved"), "00000015+ 00000016+");
}

// Ends the test where system calls cannot be made to fail. These tests come last: faults stay with the process.
static void begin_faults(const fault_plan *plan) {
    const char *reason =
        ADDRESS_SANITIZED ? "the address sanitizer" : faults_begin(plan); // system_faults.h says why
    if (!reason) return;
    print_message("not run: %s\n", reason);
    skip();
}

// Where the newest checkpoint cannot be read for a moment, it is read again, and used.
static void test_one_failing_call_costs_no_checkpoint(void **state) {
    (void)state;
    train(in_root("moment"));
    for (int64_t nth = 0; nth < 3; nth++) {
        listener l = {0};
        fault_plan plan = {.kind = FAULT_CALL,
            .directory = in_root("moment/checkpoints/00000016"),
            .nth = nth,
            .error = EIO,
            .calls = "openat,read,pread64"};
        begin_faults(&plan);
        OK(resume(in_root("moment"), &l));
        faults_end();
        assert_null(strstr(l.notes, "passed over"));
        assert_kept(in_root("moment"), "00000015+ 00000016+");
    }
}

// An old checkpoint that cannot be removed is a note, and goes when it can.
static void test_failing_removals_do_not_end_a_training(void **state) {
    (void)state;
    listener l = {0};
    train(in_root("stuck"));
    fault_plan plan = {.kind = FAULT_CALL,
        .directory = in_root("stuck/checkpoints"),
        .error = EIO,
        .onwards = true,
        .calls = "unlink,unlinkat,rmdir"};
    begin_faults(&plan);
    sigmoe_train_request request;
    const char *given[] = {"steps"};
    sigmoe_train_defaults(&request);
    request.out = in_root("stuck");
    request.resume = true;
    request.settings.steps = STEPS + 2;
    request.given = given;
    request.given_count = 1;
    OK(carry_out(&request, &l));
    faults_end();
    assert_non_null(strstr(l.notes, "cannot remove"));
    assert_true(path_exists(in_root("stuck/checkpoints/00000015.removed")));
    OK(resume_quietly(in_root("stuck")));
    assert_kept(in_root("stuck"), "00000016+ 00000018+");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_bytes_are_noticed),
        cmocka_unit_test(test_missing_files_are_noticed),
        cmocka_unit_test(test_logs_are_cut_to_the_checkpoint),
        cmocka_unit_test(test_the_one_before_is_used),
        cmocka_unit_test(test_none_is_whole),
        cmocka_unit_test(test_runs_of_version_0_1_0),
        cmocka_unit_test(test_newest_and_every),
        cmocka_unit_test(test_best_is_kept),
        cmocka_unit_test(test_what_can_be_kept),
        cmocka_unit_test(test_leftovers_go),
        cmocka_unit_test(test_half_forgotten_state_goes),
        cmocka_unit_test(test_a_replaced_run_is_noticed),
        cmocka_unit_test(test_one_failing_call_costs_no_checkpoint),
        cmocka_unit_test(test_failing_removals_do_not_end_a_training),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
