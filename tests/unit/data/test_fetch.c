// A file from the first of several addresses that has it.
#include "formats/scratch.h"

#include "data/fetch.h"

#include <unistd.h>

static void addresses_in_order(void **state) {
    (void)state;
    char good[256], bad[256], path[PATH_CAPACITY];
    put_text(at("there"), "abc");
    snprintf(good, sizeof good, "file://%s", at("there"));
    snprintf(bad, sizeof bad, "file://%s", at("not-there"));
    const char *urls[] = {bad, good, bad};
    const char *hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    fetch_request r = {.urls = urls, .count = 3, .keep = at("kept"), .task = "it", .sha256 = hash};
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    assert_file_text(path, "abc");
    // What is here is not fetched again.
    unlink(at("there"));
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    unlink(path);
    assert_int_equal(fetch(&r, path), SIGMOE_IO);
    assert_message_has("none of 3 addresses has it; the last");
    // Wrong contents are as good as none.
    put_text(at("there"), "abd");
    assert_true(fetch(&r, path) != SIGMOE_OK);
    assert_false(path_exists(path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_in_order),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
