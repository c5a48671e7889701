// A directory of results: aside, then in its place, and nothing lost where that fails.
#include "system/output_directory.h"
#include "system/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static void put_result(const output_directory *d, const char *text) {
    char path[PATH_CAPACITY];
    assert_int_equal(path_format(path, "%s/meta.json", d->partial), SIGMOE_OK);
    put_text(path, text);
}

static void make_data(const char *name, const char *text) {
    output_directory d;
    assert_int_equal(output_begin(&d, at(name), OUTPUT_DATA, true), SIGMOE_OK);
    put_result(&d, text);
    assert_int_equal(output_end(&d, SIGMOE_OK), SIGMOE_OK);
}

static void beside(void **state) {
    (void)state;
    output_directory d;
    char path[PATH_CAPACITY];
    assert_int_equal(output_begin(&d, at("new"), OUTPUT_DATA, false), SIGMOE_OK);
    assert_string_equal(d.partial, at("new.partial"));
    assert_int_equal(output_beside(&d, "download", path), SIGMOE_OK);
    assert_string_equal(path, at("new.download"));
    assert_file_text(at("new.partial/" MARK_NAME), "sigmoe data\n");
    put_result(&d, "result");
    assert_int_equal(output_end(&d, SIGMOE_OK), SIGMOE_OK);
    assert_false(path_exists(at("new.partial")) || path_exists(at("new/.sigmoe-unfinished")));
    assert_file_text(at("new/meta.json"), "result");
    assert_file_text(at("new/" MARK_NAME), "sigmoe data\n");
}

static void beside_that_fails(void **state) {
    (void)state;
    output_directory d;
    assert_int_equal(directory_make(at("home")), SIGMOE_OK);
    assert_int_equal(output_begin(&d, at("home/x/y"), OUTPUT_DATA, false), SIGMOE_OK);
    put_result(&d, "result");
    assert_int_equal(output_end(&d, (fail)(SIGMOE_IO, "the reason")), SIGMOE_IO);
    assert_message_has("the reason");
    assert_false(path_exists(at("home/x")));
}

// Somebody took the name while hours were spent: theirs stays, and so does the result.
static void taken_meanwhile(void **state) {
    (void)state;
    output_directory d;
    assert_int_equal(output_begin(&d, at("race"), OUTPUT_DATA, true), SIGMOE_OK);
    put_result(&d, "result");
    assert_int_equal(directory_make(at("race")), SIGMOE_OK);
    put_text(at("race/thesis"), "thesis");
    assert_int_equal(output_end(&d, SIGMOE_OK), SIGMOE_BAD_ARGUMENT);
    assert_message_has("race exists already");
    assert_message_has("the result is whole, in ");
    assert_file_text(at("race/thesis"), "thesis");
    assert_file_text(at("race.partial/meta.json"), "result");
    // Nor does the next one take it for a leftover.
    assert_int_equal(directory_remove(at("race")), SIGMOE_OK);
    assert_int_equal(output_begin(&d, at("race"), OUTPUT_DATA, true), SIGMOE_BAD_ARGUMENT);
    assert_message_has("race.partial is in the way");
}

static void in_an_empty_one(void **state) {
    (void)state;
    output_directory d;
    char path[PATH_CAPACITY];
    assert_int_equal(directory_make(at("volume/lost+found")), SIGMOE_OK);
    assert_int_equal(output_begin(&d, at("volume"), OUTPUT_DATA, false), SIGMOE_OK);
    assert_int_equal(output_beside(&d, "download", path), SIGMOE_OK);
    assert_string_equal(path, at("volume/.sigmoe-download"));
    assert_true(path_exists(at("volume/" MARK_NAME)));
    put_result(&d, "result");
    assert_false(path_exists(at("volume/meta.json")));
    assert_int_equal(output_end(&d, SIGMOE_OK), SIGMOE_OK);
    assert_file_text(at("volume/meta.json"), "result");
    assert_true(path_exists(at("volume/lost+found")));
    assert_false(path_exists(at("volume/.sigmoe-partial")) || path_exists(at("volume/.lock")));
    // One that fails leaves it empty.
    assert_int_equal(directory_make(at("bare")), SIGMOE_OK);
    assert_int_equal(output_begin(&d, at("bare"), OUTPUT_DATA, false), SIGMOE_OK);
    put_result(&d, "result");
    assert_int_equal(output_end(&d, SIGMOE_IO), SIGMOE_IO);
    assert_int_equal(rmdir(at("bare")), 0);
}

static void replacing(void **state) {
    (void)state;
    output_directory d;
    make_data("old", "old");
    assert_int_equal(output_begin(&d, at("old"), OUTPUT_DATA, false), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(output_begin(&d, at("old"), OUTPUT_DATA, true), SIGMOE_OK);
    put_result(&d, "new");
    assert_file_text(at("old/meta.json"), "old"); // until the end
    assert_int_equal(output_end(&d, SIGMOE_IO), SIGMOE_IO);
    assert_file_text(at("old/meta.json"), "old");
    assert_false(path_exists(at("old/.sigmoe-partial")));
    assert_int_equal(output_begin(&d, at("old"), OUTPUT_DATA, true), SIGMOE_OK);
    put_result(&d, "new");
    assert_int_equal(output_end(&d, SIGMOE_OK), SIGMOE_OK);
    assert_file_text(at("old/meta.json"), "new");
    assert_false(path_exists(at("old/.sigmoe-replaced")) || path_exists(at("old/.sigmoe-partial")));
}

// What cannot be put in its place is kept, beside the old.
static void replacing_that_cannot_end(void **state) {
    (void)state;
    output_directory d;
    make_data("stuck", "old");
    assert_int_equal(output_begin(&d, at("stuck"), OUTPUT_DATA, true), SIGMOE_OK);
    put_result(&d, "new");
    put_text(at("stuck/.sigmoe-replaced.partial"), "in the way");
    assert_int_equal(output_end(&d, SIGMOE_OK), SIGMOE_IO);
    assert_message_has("the result is whole, in ");
    assert_file_text(at("stuck/meta.json"), "old");
    assert_file_text(at("stuck/.sigmoe-partial/meta.json"), "new");
}

// Two of the program's commands on one directory.
static void one_at_a_time(void **state) {
    (void)state;
    output_directory d, other;
    make_data("shared", "old");
    assert_int_equal(output_begin(&d, at("shared"), OUTPUT_DATA, true), SIGMOE_OK);
    assert_int_equal(output_begin(&other, at("shared"), OUTPUT_FIGURES, true), SIGMOE_IO);
    assert_message_has("in use");
    assert_int_equal(output_end(&d, SIGMOE_IO), SIGMOE_IO);
    assert_file_text(at("shared/meta.json"), "old");
}

static void links(void **state) {
    (void)state;
    char path[PATH_CAPACITY];
    assert_int_equal(directory_make(at("disk")), SIGMOE_OK);
    assert_int_equal(symlink("disk/later", at("link")), 0);
    assert_int_equal(symlink(at("link"), at("link2")), 0);
    assert_int_equal(symlink("loop", at("loop")), 0);
    assert_int_equal(path_of_output(path, at("link2")), SIGMOE_OK);
    assert_string_equal(path, at("disk/later"));
    assert_int_equal(path_of_output(path, at("disk/")), SIGMOE_OK);
    assert_string_equal(path, at("disk"));
    assert_int_equal(path_of_output(path, at("loop")), SIGMOE_BAD_ARGUMENT);
    assert_message_has("leads nowhere");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside),
        cmocka_unit_test(beside_that_fails),
        cmocka_unit_test(taken_meanwhile),
        cmocka_unit_test(in_an_empty_one),
        cmocka_unit_test(replacing),
        cmocka_unit_test(replacing_that_cannot_end),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(links),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
