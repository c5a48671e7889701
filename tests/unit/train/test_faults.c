// Full disks, failing allocations, stops: an earlier checkpoint is always whole.
#include "train/fixture.h"
#include "small_disk.h"

static sigmoe_status train_moe(const char *run, int64_t steps, const sigmoe_observer *observer) {
    sigmoe_config config = make_config(MOE);
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.config = &config;
    request.data = in_root("data");
    request.out = run;
    request.settings = small_settings(steps);
    request.settings.checkpoint_every = 1;
    request.settings.valid_every = 2;
    return sigmoe_train(&request, observer, NULL);
}

static sigmoe_status resume(const char *run) {
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = run;
    request.resume = true;
    return sigmoe_train(&request, NULL, NULL);
}

static void assert_newest_loads(const char *run) {
    char newest[PATH_CAPACITY];
    sigmoe_model *model;
    OK(checkpoint_newest(run, newest));
    OK(sigmoe_model_load(newest, 1, &model));
    sigmoe_model_free(model);
}

static void test_full_disk(void **state) {
    (void)state;
    const char *disk = disk_make(in_root("disk"));
    char run[PATH_CAPACITY], checkpoints[PATH_CAPACITY], last[PATH_CAPACITY];
    OK(path_format(run, "%s/run", disk));
    OK(path_format(checkpoints, "%s/checkpoints", run));
    OK(path_format(last, "%s/00000006/trainer.safetensors", checkpoints));
    disk_leave(disk, 64 << 10);
    FAILS(SIGMOE_IO, train_moe(run, 6, NULL));
    assert_message_has("No space left");
    arena *a;
    char **names;
    int count;
    OK(arena_create("test", &a));
    OK(directory_list(checkpoints, a, &names, &count));
    for (int i = 0; i < count; i++) assert_null(strstr(names[i], ".partial"));
    assert_true(count >= 1);
    arena_destroy(a);
    assert_newest_loads(run);

    disk_empty();
    OK(resume(run));
    OK(train_moe(in_root("roomy"), 6, NULL));
    assert_same_file(last, in_root("roomy/checkpoints/00000006/trainer.safetensors"));
}

static void count_failure(void *failures, const char *note) {
    *(int *)failures += strstr(note, "no memory") != NULL;
}

// Each allocation of a run fails in turn: a sentence, no leak (the sanitizers see to that), and no broken checkpoint. Where older
// checkpoints could not be tidied up, the sentence is a note, and the run goes on.
static void test_every_allocation_may_fail(void **state) {
    (void)state;
    int64_t failures = 0;
    for (int64_t n = 0;; n += 1 + n / 8) {
        int noted = 0;
        char run[PATH_CAPACITY];
        OK(path_format(run, "%s/starved-%d", root, (int)n));
        sigmoe_observer observer = {
            .size = sizeof(sigmoe_observer), .threads = 1, .note = count_failure, .context = &noted};
        arena_fail_after(n);
        sigmoe_status status = train_moe(run, 2, &observer);
        arena_fail_after(-1);
        if (status == SIGMOE_OK && !noted) break;
        failures++;
        if (noted) {
            assert_int_equal(status, SIGMOE_OK);
            continue;
        }
        assert_int_equal(status, SIGMOE_NO_MEMORY);
        assert_message_has("no memory");
        if (path_exists(run) && checkpoint_newest(run, (char[PATH_CAPACITY]){0}) == SIGMOE_OK)
            assert_newest_loads(run);
    }
    assert_true(failures > 20);
}

static void test_stop_at_once(void **state) {
    (void)state;
    const sigmoe_flag stop = 1;
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .stop = &stop, .threads = 1};
    FAILS(SIGMOE_INTERRUPTED, train_moe(in_root("stopped"), 3, &observer));
    assert_newest_loads(in_root("stopped")); // of step 0
    OK(resume(in_root("stopped")));
    OK(train_moe(in_root("unstopped"), 3, NULL));
    assert_same_file(in_root("stopped/checkpoints/00000003/model.safetensors"),
        in_root("unstopped/checkpoints/00000003/model.safetensors"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_stop_at_once),
        // Last: from there on the system calls of this process are slower.
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
