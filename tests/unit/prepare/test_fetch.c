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
    fetch_request r = {
        .urls = urls, .count = 3, .keep = at("kept"), .task = "it", .most_bytes = 1000, .sha256 = hash};
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
    fetch_request r = {.urls = &urls[1], .count = 1, .keep = at("left"), .task = "it", .most_bytes = 1000};
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    r.urls = urls;
    r.count = 2;
    unlink(path);
    put_text(at("not-there"), "");
    assert_int_equal(
        fetch(
            &(fetch_request){.urls = urls, .count = 1, .keep = at("left"), .task = "it", .most_bytes = 1000},
            other),
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

// Nothing listens there: who asked would be refused a connection.
static void offline(void **state) {
    (void)state;
    char url[256], path[PATH_CAPACITY];
    const char *urls[] = {"http://user:secret@127.0.0.1:1/text?key=secret"};
    fetch_request r = {
        .urls = urls, .count = 1, .keep = at("off"), .task = "it", .most_bytes = 1000, .offline = true};
    assert_int_equal(fetch(&r, path), SIGMOE_IO);
    assert_message_has("http://127.0.0.1:1/text?... is not here, and `offline` forbids to fetch it");
    put_text(path, "kept");
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    assert_file_text(path, "kept");
    unlink(path);
    put_text(at("there"), "abc");
    snprintf(url, sizeof url, "file://%s", at("there"));
    urls[0] = url;
    assert_int_equal(fetch(&r, path), SIGMOE_OK);
    assert_file_text(path, "abc");
}

static void secrets_are_not_shown(void **state) {
    (void)state;
    static const char *const urls[][2] = {
        {"https://host/a/b.zip", "https://host/a/b.zip"},
        {"https://user@host/a", "https://host/a"},
        {"https://user:secret@host:81/a", "https://host:81/a"},
        {"https://user:sec@ret@host/a", "https://host/a"},
        {"https://user:sec/ret@host/a", "https://host/a"},
        {"https://user:sec?ret@host/a", "https://..."},
        {"https://user:secret", "https://..."},
        {"https:///user:secret@host/a", "https:///host/a"},
        {"https://host/a?token=secret", "https://host/a?..."},
        {"https://host/a#secret", "https://host/a?..."},
        {"https://host?token=a@b", "https://host?..."},
        {"https://host/@scope/a", "https://host/@scope/a"},
        {"https://[::1]:81/a", "https://[::1]:81/a"},
        {"https://u:secret@[::1]/a", "https://[::1]/a"},
        {"file:///a/b@c:d", "file:///a/b@c:d"},
        {"no url", "no url"},
        {"://", "://"},
    };
    char shown[PATH_CAPACITY];
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        url_shown(urls[i][0], shown);
        assert_string_equal(shown, urls[i][1]);
    }
    assert_string_equal(url_redirects("https://host/"), "https");
    assert_string_equal(url_redirects("HTTPS://host/"), "https");
    assert_string_equal(url_redirects("http://host/"), "http,https");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_in_order),
        cmocka_unit_test(what_is_left),
        cmocka_unit_test(offline),
        cmocka_unit_test(secrets_are_not_shown),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
