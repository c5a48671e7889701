// Taking a directory, and giving it back as it was.
#include "system/place.h"
#include "system/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static const char old_train[] = "{\"data\": \"d\", \"settings\": {}}";

static void make_old(const char *name) {
    char path[PATH_CAPACITY];
    assert_int_equal(directory_make(at(name)), SIGMOE_OK);
    assert_int_equal(path_format(path, "%s/checkpoints/00000001", at(name)), SIGMOE_OK);
    assert_int_equal(directory_make(path), SIGMOE_OK);
    assert_int_equal(path_format(path, "%s/train.json", at(name)), SIGMOE_OK);
    put_text(path, old_train);
}

static ino_t identity(const char *path) {
    struct stat about;
    assert_int_equal(lstat(path, &about), 0);
    return about.st_ino;
}

static void assert_entries(const char *path, const char *expected) {
    arena *a;
    char **names, text[512] = "";
    int count;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(path, a, &names, &count), SIGMOE_OK);
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", names[i]);
    arena_destroy(a);
    assert_string_equal(text, expected);
}

static void a_new_place(void **state) {
    (void)state;
    taken_place p;
    assert_int_equal(place_take(&p, at("a/b/new"), OUTPUT_RUN, false, NULL), SIGMOE_OK);
    assert_entries(at("a/b/new"), ".lock .sigmoe");
    put_text(at("a/b/new/train.json"), "new");
    assert_int_equal(place_settle(&p, SIGMOE_OK), SIGMOE_OK);
    assert_true(p.lock >= 0);
    place_unlock(p.lock);
    assert_entries(at("a/b/new"), ".lock .sigmoe train.json");
}

static void a_new_place_that_fails(void **state) {
    (void)state;
    taken_place p;
    assert_int_equal(directory_make(at("home")), SIGMOE_OK);
    assert_int_equal(place_take(&p, at("home/x/new"), OUTPUT_RUN, false, NULL), SIGMOE_OK);
    put_text(at("home/x/new/train.json"), "new");
    assert_int_equal(place_settle(&p, (fail)(SIGMOE_IO, "the reason")), SIGMOE_IO);
    assert_message_has("the reason");
    assert_entries(at("home"), "");
    // A directory that was empty is so again; what came into it meanwhile stays.
    assert_int_equal(place_take(&p, at("home"), OUTPUT_RUN, false, NULL), SIGMOE_OK);
    put_text(at("home/train.json"), "new");
    put_text(at("home/letter"), "mine");
    assert_int_equal(place_settle(&p, SIGMOE_IO), SIGMOE_IO);
    assert_entries(at("home"), "letter");
}

static void replacing(void **state) {
    (void)state;
    taken_place p;
    make_old("old");
    assert_int_equal(directory_make(at("old/lost+found")), SIGMOE_OK);
    ino_t before = identity(at("old"));
    assert_int_equal(place_take(&p, at("old"), OUTPUT_RUN, false, NULL), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(place_take(&p, at("old"), OUTPUT_DATA, true, NULL), SIGMOE_OK);
    assert_entries(at("old"), ".lock .sigmoe .sigmoe-replaced lost+found");
    assert_file_text(at("old/.sigmoe-replaced/train.json"), old_train);
    put_text(at("old/meta.json"), "new");
    assert_int_equal(place_settle(&p, SIGMOE_OK), SIGMOE_OK);
    place_unlock(p.lock);
    assert_entries(at("old"), ".lock .sigmoe lost+found meta.json");
    assert_file_text(at("old/" MARK_NAME), "sigmoe data\n");
    assert_true(
        before == identity(at("old"))); // the same directory: a mount point, or with its owner's permissions
}

static void replacing_that_fails(void **state) {
    (void)state;
    taken_place p;
    make_old("back");
    assert_int_equal(output_mark(at("back"), OUTPUT_RUN), SIGMOE_OK);
    assert_int_equal(place_take(&p, at("back"), OUTPUT_DATA, true, NULL), SIGMOE_OK);
    put_text(at("back/meta.json"), "new");
    assert_int_equal(directory_make(at("back/checkpoints")), SIGMOE_OK); // not of its kind: somebody's
    assert_int_equal(rmdir(at("back/checkpoints")), 0);
    assert_int_equal(place_settle(&p, (fail)(SIGMOE_IO, "the reason")), SIGMOE_IO);
    assert_message_has("the reason");
    assert_entries(at("back"), ".lock .sigmoe checkpoints train.json");
    assert_file_text(at("back/train.json"), old_train);
    assert_file_text(at("back/" MARK_NAME), "sigmoe run\n");
}

// A kill at any moment: the old comes back, whoever comes next.
static void killed_while_replacing(void **state) {
    (void)state;
    int lock;
    taken_place p;
    make_old("early");
    assert_int_equal(directory_make(at("early/.sigmoe-replaced.partial")), SIGMOE_OK);
    assert_int_equal(rename(at("early/checkpoints"), at("early/.sigmoe-replaced.partial/checkpoints")), 0);
    assert_true(output_unsettled(at("early")));
    assert_int_equal(place_lock(at("early"), OUTPUT_RUN, NULL, &lock), SIGMOE_OK);
    place_unlock(lock);
    assert_entries(at("early"), ".lock .sigmoe checkpoints train.json");

    make_old("late");
    assert_int_equal(place_take(&p, at("late"), OUTPUT_RUN, true, NULL), SIGMOE_OK);
    put_text(at("late/train.json"), "half");
    put_text(at("late/metrics.jsonl"), "new");
    place_unlock(p.lock);
    assert_true(output_unsettled(at("late")));
    assert_int_equal(place_take(&p, at("late"), OUTPUT_RUN, false, NULL), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(place_take(&p, at("late"), OUTPUT_RUN, true, NULL), SIGMOE_OK);
    assert_file_text(at("late/.sigmoe-replaced/train.json"), old_train);
    assert_int_equal(place_settle(&p, SIGMOE_IO), SIGMOE_IO);
    assert_entries(at("late"), ".lock checkpoints train.json");

    make_old("end");
    assert_int_equal(directory_make(at("end/.sigmoe-removed/x")), SIGMOE_OK);
    assert_int_equal(place_lock(at("end"), OUTPUT_RUN, NULL, &lock), SIGMOE_OK);
    place_unlock(lock);
    assert_entries(at("end"), ".lock .sigmoe checkpoints train.json");
}

// A kill while a file was written: the next one removes what there is of it, and nothing that looks alike.
static void killed_while_writing(void **state) {
    (void)state;
    int lock;
    make_old("half");
    put_text(at("half/logs.json.123-0.partial"), "ha");
    put_text(at("half/logs.json.partial"), "a user's");
    put_text(at("half/notes.123-0.partial"), "a user's");
    assert_int_equal(place_lock(at("half"), OUTPUT_RUN, NULL, &lock), SIGMOE_OK);
    place_unlock(lock);
    assert_entries(at("half"), ".lock .sigmoe checkpoints logs.json.partial notes.123-0.partial train.json");
}

// A kill before the directory had its mark: it is bare, and no reason to refuse.
static void killed_while_marking(void **state) {
    (void)state;
    taken_place p;
    assert_int_equal(directory_make(at("unmarked")), SIGMOE_OK);
    put_text(at("unmarked/.lock"), "");
    put_text(at("unmarked/.sigmoe.123-0.partial"), "sig");
    assert_int_equal(place_take(&p, at("unmarked"), OUTPUT_COMPARISON, false, NULL), SIGMOE_OK);
    assert_int_equal(place_settle(&p, SIGMOE_OK), SIGMOE_OK);
    assert_entries(at("unmarked"), ".lock .sigmoe");
    put_text(at("unmarked/.sigmoe.notes.partial"), "a user's");
    assert_int_equal(place_take(&p, at("unmarked"), OUTPUT_COMPARISON, true, NULL), SIGMOE_BAD_ARGUMENT);
    assert_message_has(".sigmoe.notes.partial in it is not sigmoe's");
}

static void locked_through_no_link(void **state) {
    (void)state;
    int lock;
    put_text(at("precious"), "precious");
    make_old("led");
    assert_int_equal(symlink(at("precious"), at("led/.lock")), 0);
    assert_int_equal(place_lock(at("led"), OUTPUT_RUN, NULL, &lock), SIGMOE_IO);
    assert_message_has("led/.lock is a symbolic link");
    unlink(at("led/.lock"));
    assert_int_equal(mkfifo(at("led/.lock"), 0600), 0);
    assert_int_equal(place_lock(at("led"), OUTPUT_RUN, NULL, &lock), SIGMOE_IO);
    assert_message_has("a device or a pipe");
    assert_file_text(at("precious"), "precious");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_place),
        cmocka_unit_test(a_new_place_that_fails),
        cmocka_unit_test(replacing),
        cmocka_unit_test(replacing_that_fails),
        cmocka_unit_test(killed_while_replacing),
        cmocka_unit_test(killed_while_writing),
        cmocka_unit_test(killed_while_marking),
        cmocka_unit_test(locked_through_no_link),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
