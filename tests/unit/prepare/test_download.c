#include "prepare/small_server.h"
#include "small_disk.h"

#include "prepare/fetch/download.h"
#include "prepare/fetch/download_origin.h"
#include "system/sha256.h"

static small_server server;
static const char body[] =
    "Twenty-six letters make all the words there are, and ten figures all the numbers.";

static int setup(void **state) {
    if (scratch_setup(state) != 0) return -1;
    // What the user's environment says about proxies must not reach this test.
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    server_start(&server, body);
    return 0;
}

static int teardown(void **state) {
    server_stop(&server);
    return scratch_teardown(state);
}

static sigmoe_status get(const char *page, const char *sha256, const sigmoe_observer *observer) {
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, page);
    return download(&(download_request){.url = url,
        .path = at("file"),
        .task = "download",
        .sha256 = sha256,
        .most_bytes = 1000,
        .observer = observer});
}

static void clear(void) {
    unlink(at("file"));
    unlink(at("file.partial"));
    unlink(at("file.partial.origin"));
}

static void assert_whole(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_file_text(at("file"), server.body);
    assert_false(path_exists(at("file.partial")) || path_exists(at("file.partial.origin")));
}

static void known_hashes(void **state) {
    (void)state;
    char hash[SHA256_HEX];
    put_text(at("abc"), "abc");
    assert_int_equal(sha256_file(at("abc"), hash), SIGMOE_OK);
    assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    put_text(at("abc"), "");
    assert_int_equal(sha256_file(at("abc"), hash), SIGMOE_OK);
    assert_string_equal(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sha256_file(at("none"), hash), SIGMOE_IO);
}

static void a_whole_file(void **state) {
    (void)state;
    clear();
    assert_whole(get("/whole", NULL, NULL));
    assert_int_equal(server.last_range, -1);
    clear();
    assert_whole(get("/moved", NULL, NULL));
}

static void resuming(void **state) {
    (void)state;
    clear();
    assert_int_equal(get("/cut", NULL, NULL), SIGMOE_IO);
    assert_message_has("run it again");
    assert_false(path_exists(at("file")));
    size_t size;
    free(get_file(at("file.partial"), &size));
    assert_int_equal(size, strlen(body) / 2);
    assert_whole(get("/whole", NULL, NULL));
    assert_int_equal(server.last_range, size); // only the rest was asked for
}

// What is there, and what its origin file says; NULL: it has none.
static void put_partial(const char *text, const char *origin) {
    clear();
    put_text(at("file.partial"), text);
    if (origin) put_text(at("file.partial.origin"), origin);
}

static void assert_begun_anew(void) {
    assert_whole(get("/whole", NULL, NULL));
    assert_int_equal(server.last_range, -1);
}

static void a_server_that_cannot_resume(void **state) {
    (void)state;
    char longer[200], whole[32];
    snprintf(whole, sizeof whole, "%zu\n\"1\"\n", strlen(body));
    put_partial("of something quite different", "-1\n\"1\"\n");
    assert_whole(get("/norange", NULL, NULL));
    snprintf(longer, sizeof longer, "%s and more", body);
    put_partial(longer, "-1\n\"1\"\n");
    assert_begun_anew(); // beyond its end
    put_partial(longer, whole);
    assert_begun_anew();
    put_partial(body, whole); // all of it, only not renamed yet
    int before = server.requests;
    assert_whole(get("/whole", NULL, NULL));
    assert_int_equal(server.requests, before);
    // A range may be answered with less of it; each try gets further.
    put_partial("Twenty", whole);
    assert_int_equal(get("/bit", NULL, NULL), SIGMOE_IO);
    assert_message_has("but the server sent 9; run it again to go on from there");
    assert_whole(get("/whole", NULL, NULL));
    assert_int_equal(server.last_range, 9);
}

// Two files at one address, one after the other, must never become one.
static void a_file_that_changes(void **state) {
    (void)state;
    static const char other[] =
        "Not one of the letters is where it was, and this text has as many as that one has";
    static const char *const validators[][2] = {{"ETag: \"1\"\r\n", "ETag: \"2\"\r\n"},
        {"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n",
            "Last-Modified: Tue, 02 Jan 2024 00:00:00 GMT\r\n"},
        {"ETag: W/\"1\"\r\n", "ETag: W/\"1\"\r\n"}, {"", ""}};
    assert_int_equal(sizeof other, sizeof body);
    for (int k = 0; k < 8; k++) {
        clear();
        server.conditions = k % 2;
        server.validator = validators[k / 2][0];
        assert_int_equal(get("/cut", NULL, NULL), SIGMOE_IO);
        assert_true(path_exists(at("file.partial")));
        server.body = other;
        server.validator = validators[k / 2][1];
        assert_begun_anew();
        server.body = body;
    }
    // Another length gives it away, too.
    server.conditions = false;
    server.validator = "";
    put_partial("Twenty", "80\n\"1\"\n");
    assert_begun_anew();
    // Where the hash will tell, nothing else need be known.
    char hash[SHA256_HEX];
    put_text(at("body"), body);
    assert_int_equal(sha256_file(at("body"), hash), SIGMOE_OK);
    put_partial("Twenty", NULL);
    assert_whole(get("/whole", hash, NULL));
    assert_int_equal(server.last_range, 6);
    server.validator = "ETag: \"1\"\r\n";
    server.conditions = true;
}

static void damaged_origins(void **state) {
    (void)state;
    static const char *const origins[] = {"", "81", "81\n", "81\n\"1\"", "x\n\"1\"\n", "-7\n\"1\"\n",
        "81\n\n", "81\n\"\x01\"\n", "99999999999999999999999\n\"1\"\n"};
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        put_partial("Not", origins[i]);
        assert_begun_anew();
    }
    char longest[400];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "81\n", 3);
    memcpy(longest + 390, "\n", 2);
    put_partial("Not", longest);
    assert_begun_anew();
    // Nor does a server get in with such a validator.
    char line[400];
    snprintf(line, sizeof line, "ETag: \"%0200d%0100d\"\r\n", 0, 0);
    clear();
    server.validator = line;
    assert_int_equal(get("/cut", NULL, NULL), SIGMOE_IO);
    server.validator = "ETag: \"1\"\r\n";
    assert_begun_anew();
}

static void checking(void **state) {
    (void)state;
    char hash[SHA256_HEX];
    put_text(at("body"), body);
    assert_int_equal(sha256_file(at("body"), hash), SIGMOE_OK);
    clear();
    assert_whole(get("/whole", hash, NULL));
    clear();
    hash[0] = hash[0] == '0' ? '1' : '0';
    assert_int_equal(get("/whole", hash, NULL), SIGMOE_BAD_FORMAT);
    assert_message_has("it must have");
    assert_false(path_exists(at("file")) || path_exists(at("file.partial")));
}

static void refusals(void **state) {
    (void)state;
    clear();
    assert_int_equal(get("/nothing", NULL, NULL), SIGMOE_IO);
    assert_message_has("the server answers 404");
    assert_int_equal(get("/empty", NULL, NULL), SIGMOE_BAD_FORMAT);
    assert_message_has("/empty is empty");
    assert_false(path_exists(at("file.partial.origin")));
    assert_int_equal(get("/away", NULL, NULL), SIGMOE_IO); // no server sends us to a local file
    assert_message_has("/away: the server redirects to a URL other than http and https");
    download_request r = {.path = at("file"), .task = "download", .most_bytes = 1000};
    r.url = "ftp://127.0.0.1/x";
    assert_int_equal(download(&r), SIGMOE_BAD_ARGUMENT);
    assert_message_has("no http, https or file URL");
    r.url = "http://127.0.0.1:1/x"; // nobody listens
    assert_int_equal(download(&r), SIGMOE_IO);
    assert_message_has("cannot reach http://127.0.0.1:1/x");
    assert_message_has("give the file itself");
    r.url = "http://name.invalid/x";
    assert_int_equal(download(&r), SIGMOE_IO);
    assert_message_has("cannot reach");
    assert_false(path_exists(at("file")) || path_exists(at("file.partial")));
    char url[300];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/whole", server.port);
    r.url = url;
    r.path = at("nowhere/file");
    assert_int_equal(download(&r), SIGMOE_IO);
}

static void local_urls(void **state) {
    (void)state;
    char url[256];
    put_text(at("source"), body);
    snprintf(url, sizeof url, "file://%s", at("source"));
    download_request r = {.url = url, .path = at("file"), .task = "copy", .most_bytes = 1000};
    clear();
    assert_whole(download(&r));
    put_partial("Not", "-1\n\"1\"\n");
    assert_whole(download(&r));
    char hash[SHA256_HEX];
    assert_int_equal(sha256_file(at("source"), hash), SIGMOE_OK);
    r.sha256 = hash;
    put_partial("Not", NULL);
    assert_whole(download(&r));
}

static int reports;
static double last_done;
static void count_report(void *context, const sigmoe_progress *progress) {
    (void)context;
    reports += progress->finished;
    last_done = progress->done;
}

static void progress_and_interruption(void **state) {
    (void)state;
    sigmoe_flag stop = 0;
    const sigmoe_observer observer = {.progress = count_report, .stop = &stop};
    put_partial("Twenty-six", "-1\n\"1\"\n");
    assert_whole(get("/whole", NULL, &observer));
    assert_int_equal(server.last_range, 10);
    assert_int_equal(reports, 1);
    assert_true(last_done == (double)strlen(body)); // with what was there before
    put_partial("Twenty-six", "-1\n\"1\"\n");
    stop = 1;
    assert_int_equal(get("/whole", NULL, &observer), SIGMOE_INTERRUPTED);
    assert_true(path_exists(at("file.partial")) && !path_exists(at("file")));
    stop = 0;
    assert_whole(get("/whole", NULL, &observer));
}

static void a_full_disk(void **state) {
    (void)state;
    static char large[100001];
    memset(large, 'x', sizeof large - 1);
    const char *whole = server.body, *disk = disk_make(at("disk"));
    disk_leave(disk, 64 << 10);
    server.body = large;
    char url[256], path[256];
    snprintf(path, sizeof path, "%s/file", disk);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/whole", server.port);
    sigmoe_status status =
        download(&(download_request){.url = url, .path = path, .task = "download", .most_bytes = 10000000});
    server.body = whole;
    bool finished = path_exists(path);
    disk_empty();
    assert_int_equal(status, SIGMOE_IO);
    assert_message_has("No space left");
    assert_false(finished);
}

// A byte every tenth of a second is less than 50 a second. What came is kept.
static void a_slow_server(void **state) {
    (void)state;
    const download_patience before = download_least_speed;
    clear();
    assert_true(before.bytes_per_second >= 1 && before.seconds >= 10);
    download_least_speed = (download_patience){.bytes_per_second = 50, .seconds = 1};
    assert_int_equal(get("/slow", NULL, NULL), SIGMOE_IO);
    download_least_speed = before;
    assert_message_has(
        "/slow comes too slowly, with less than 50 bytes a second for 1 seconds; run it again to go on");
    size_t size;
    free(get_file(at("file.partial"), &size));
    assert_true(size >= strlen(body) / 2 && size < strlen(body));
    assert_whole(get("/whole", NULL, NULL));
    assert_int_equal(server.last_range, size);
}

// Whether the server says it or not. Nothing is left of what cannot be right.
static void too_large_a_file(void **state) {
    (void)state;
    static const char *const pages[] = {"/endless", "/whole", "/moved"};
    char url[256];
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        clear();
        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, pages[i]);
        download_request r = {
            .url = url, .path = at("file"), .task = "download", .most_bytes = (int64_t)strlen(body) - 1};
        assert_int_equal(download(&r), SIGMOE_BAD_FORMAT);
        assert_message_has("has more than 80 bytes, which is too many");
        assert_false(path_exists(at("file")) || path_exists(at("file.partial")));
        assert_false(path_exists(at("file.partial.origin")));
        r.most_bytes++;
        if (i > 0) assert_whole(download(&r));
    }
}

// Of a URL with user, password and token, in no message and no file.
static void secrets_stay_secret(void **state) {
    (void)state;
    static const char *const pages[] = {"/none", "/cut", "/slow", "/endless", "/empty", "/away"};
    char url[256];
    const download_patience before = download_least_speed;
    download_least_speed = (download_patience){.bytes_per_second = 50, .seconds = 1};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        clear();
        snprintf(url, sizeof url, "http://user:secret@127.0.0.1:%d%s?token=secret", server.port, pages[i]);
        sigmoe_status status = download(
            &(download_request){.url = url, .path = at("file"), .task = "download", .most_bytes = 1000});
        assert_int_not_equal(status, SIGMOE_OK);
        assert_message_has(pages[i]);
        assert_null(strstr(sigmoe_message(), "secret"));
        if (!path_exists(at("file.partial.origin"))) continue;
        size_t size;
        unsigned char *origin = get_file(at("file.partial.origin"), &size);
        assert_null(strstr((char *)origin, "secret"));
        free(origin);
    }
    download_least_speed = before;
}

static void ranges(void **state) {
    (void)state;
    int64_t first, total;
    assert_true(range_read("bytes 10-80/81", &first, &total) && first == 10 && total == 81);
    assert_true(range_read("bytes 0-0/*", &first, &total) && first == 0 && total == -1);
    static const char *const wrong[] = {"", "bytes", "bytes 10-80", "bytes 10-80/", "bytes */81",
        "bytes -10-80/81", "bytes 80-10/81", "bytes 10-80/80", "bytes 10-80/81 ", "bytes  10-80/81",
        "bytes 10-80/-81", "items 1-2/3", "bytes 1-99999999999999999999/99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(range_read(wrong[i], &first, &total));
    assert_false(range_read(NULL, &first, &total));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hashes),
        cmocka_unit_test(a_whole_file),
        cmocka_unit_test(resuming),
        cmocka_unit_test(a_server_that_cannot_resume),
        cmocka_unit_test(a_file_that_changes),
        cmocka_unit_test(damaged_origins),
        cmocka_unit_test(checking),
        cmocka_unit_test(refusals),
        cmocka_unit_test(local_urls),
        cmocka_unit_test(progress_and_interruption),
        // Last: from there on the system calls of this process are slower.
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_slow_server),
        cmocka_unit_test(too_large_a_file),
        cmocka_unit_test(secrets_stay_secret),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
