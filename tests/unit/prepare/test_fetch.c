// A file from the first of several addresses that has it.
#include "system/scratch.h"

#include "prepare/fetch/fetch.h"

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

// The names begin with hashes of the addresses.
static void what_is_left(void **state) {
    (void)state;
    char good[256], bad[256], path[PATH_CAPACITY], other[PATH_CAPACITY], partial[PATH_CAPACITY + 16];
    put_text(at("there"), "abc");
    snprintf(good, sizeof good, "file://%s", at("there"));
    snprintf(bad, sizeof bad, "file://%s", at("not-there"));
    const char *urls[] = {bad, good};
    // The first address broke off in an earlier try: that part goes as soon as the second has the file.
    fetch_request r = {.urls = &urls[1], .count = 1, .keep = at("left"), .task = "it"};
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    r.urls = urls;
    r.count = 2;
    unlink(path);
    put_text(at("not-there"), "");
    assert_int_equal(
        fetch(&(fetch_request){.urls = urls, .count = 1, .keep = at("left"), .task = "it"}, other),
        SIGMOE_BAD_FORMAT);
    assert_message_has("not-there is empty");
    snprintf(partial, sizeof partial, "%s.partial", other);
    put_text(partial, "a");
    unlink(at("not-there"));
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    assert_false(path_exists(partial));
    // All that is left of any address, and nothing else.
    static const char *const gone[] = {
        "left-0123abcd", "left-0123abcd.partial", "left-0123abcd.partial.origin"};
    static const char *const stays[] = {"left", "left-", "left-0123abc", "left-0123abcde", "left-0123abcg",
        "left-0123abcd.txt", "xleft-0123abcd", "left-22222222"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) put_text(at(gone[i]), "x");
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++) put_text(at(stays[i]), "x");
    const char *spared[] = {"http://127.0.0.1/x", at("left-22222222")};
    fetch_forget(at("left"), spared, 2);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) assert_false(path_exists(at(gone[i])));
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++) assert_true(path_exists(at(stays[i])));
    assert_false(path_exists(path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_in_order),
        cmocka_unit_test(what_is_left),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
