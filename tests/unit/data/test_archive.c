#include "data/archives.h"

#include "data/archive.h"

typedef sigmoe_status opener(byte_source *source, const char *name, arena *a, byte_source *out);

static sigmoe_status find_wanted(byte_source *source, const char *name, arena *a, byte_source *out) {
    return archive_find(source, "*wanted*", name, a, out);
}

// Everything behind `open`, up to 4096 bytes, into text.
static sigmoe_status read_all(const char *path, opener *open, char text[4097]) {
    arena *a;
    byte_source file = {0}, contents = {0};
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    sigmoe_status status = file_source_open(path, a, &file);
    if (status == SIGMOE_OK) status = open(&file, path, a, &contents);
    size_t used = 0, count = 1;
    while (status == SIGMOE_OK && count > 0) {
        status = contents.read(contents.context, text + used, 4096 - used < 100 ? 4096 - used : 100, &count);
        if (status == SIGMOE_OK) used += count;
    }
    text[used] = '\0';
    byte_source_close(&contents);
    arena_destroy(a);
    return status;
}

static void assert_reads(const char *path, opener *open, const char *expected) {
    char text[4097];
    if (read_all(path, open, text) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_string_equal(text, expected);
}

static void refuses(const char *path, opener *open, sigmoe_status code, const char *part) {
    char text[4097];
    assert_int_equal(read_all(path, open, text), code);
    assert_message_has(part);
}

static const char poem[] =
    "The quick brown fox jumps over the lazy dog, again and again and again and again.\n";

static void contents(void **state) {
    (void)state;
    const packed_file one = {"poem", poem, sizeof poem - 1};
    put_archive(at("a.zip"), "zip", NULL, &one, 1);
    assert_reads(at("a.zip"), archive_contents, poem);
    static const char *const filters[] = {"gzip", "xz", "bzip2", "zstd"};
    for (int i = 0; i < 4; i++) {
        put_archive(at("a"), "raw", filters[i], &one, 1);
        assert_reads(at("a"), archive_contents, poem);
    }
    put_text(at("plain"), poem);
    assert_reads(at("plain"), archive_contents, poem);
    put_text(at("empty"), "");
    refuses(at("empty"), archive_contents, SIGMOE_BAD_FORMAT, "holds no file");
}

static void more_than_one_file(void **state) {
    (void)state;
    const packed_file two[] = {{"poem", poem, sizeof poem - 1}, {"other", "x", 1}};
    put_archive(at("two.zip"), "zip", NULL, two, 2);
    refuses(at("two.zip"), archive_contents, SIGMOE_BAD_FORMAT, "more than one file");
}

static void finding(void **state) {
    (void)state;
    const packed_file files[] = {{"a/b", "x", 1}, {"a/wanted/c", poem, sizeof poem - 1}, {"z", "y", 1}};
    put_archive(at("a.tar.xz"), "ustar", "xz", files, 3);
    assert_reads(at("a.tar.xz"), find_wanted, poem);
    put_archive(at("b.tar"), "ustar", NULL, files, 1);
    refuses(at("b.tar"), find_wanted, SIGMOE_BAD_FORMAT, "holds no *wanted*");
    put_text(at("plain"), poem);
    refuses(at("plain"), find_wanted, SIGMOE_BAD_FORMAT, "cannot unpack");
    refuses(scratch, find_wanted, SIGMOE_IO, "it is a directory");
}

// Of a damaged archive no more than an error comes.
static void cut_at_every_byte(void **state) {
    (void)state;
    const packed_file one = {"poem", poem, sizeof poem - 1};
    enum { HEADER = 30 }; // a zip file's first header
    static const char *const kinds[][2] = {{"zip", NULL}, {"raw", "gzip"}, {"raw", "xz"}, {"raw", "zstd"}};
    char text[4097];
    for (int k = 0; k < 4; k++) {
        size_t size;
        put_archive(at("whole"), kinds[k][0], kinds[k][1], &one, 1);
        unsigned char *bytes = get_file(at("whole"), &size);
        for (size_t cut = 0; cut < size; cut++) {
            put_file(at("cut"), bytes, cut);
            // A beginning too short to be known for an archive passes for a plain file; past that, the text comes whole
            // (a zip file's directory is behind its data) or not at all.
            if (read_all(at("cut"), archive_contents, text) == SIGMOE_OK && strcmp(text, poem) != 0 &&
                cut >= HEADER)
                fail_msg("%s, cut at %zu of %zu bytes, passes", kinds[k][0], cut, size);
        }
        free(bytes);
    }
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    const packed_file one = {"poem", poem, sizeof poem - 1};
    put_archive(at("a.zip"), "zip", NULL, &one, 1);
    for (int64_t n = 0;; n++) {
        arena *a;
        byte_source file = {0}, text = {0};
        assert_int_equal(arena_create("test", &a), SIGMOE_OK);
        arena_fail_after(n);
        sigmoe_status status = file_source_open(at("a.zip"), a, &file);
        if (status == SIGMOE_OK) status = archive_contents(&file, "a.zip", a, &text);
        arena_fail_after(-1);
        byte_source_close(&text);
        arena_destroy(a);
        if (status == SIGMOE_OK) {
            assert_int_equal(n, 3); // file, its path, member
            break;
        }
        assert_int_equal(status, SIGMOE_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents),
        cmocka_unit_test(more_than_one_file),
        cmocka_unit_test(finding),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
