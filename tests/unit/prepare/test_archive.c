#include "prepare/archives.h"

#include "prepare/archive/archive.h"

#include <locale.h>

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
}

// A shard may be without documents: an empty archive is an empty text.
static void nothing(void **state) {
    (void)state;
    put_text(at("empty"), "");
    assert_reads(at("empty"), archive_contents, "");
    put_archive(at("empty.zip"), "zip", NULL, NULL, 0);
    assert_reads(at("empty.zip"), archive_contents, "");
    const packed_file one = {"empty", "", 0};
    static const char *const filters[] = {"gzip", "xz", "bzip2", "zstd"};
    for (int i = 0; i < 4; i++) {
        put_archive(at("empty"), "raw", filters[i], &one, 1);
        assert_reads(at("empty"), archive_contents, "");
    }
}

// `first` bytes of the file's and `count` others behind them.
static void put_joined(
    const char *path, const unsigned char *bytes, size_t first, const void *others, size_t count) {
    unsigned char *all = malloc(first + count);
    assert_non_null(all);
    memcpy(all, bytes, first);
    memcpy(all + first, others, count);
    put_file(path, all, first + count);
    free(all);
}

// gzip and bzip2 files may follow each other in one; anything else behind the first is damage.
static void one_behind_the_other(void **state) {
    (void)state;
    const packed_file one = {"poem", poem, sizeof poem - 1};
    static const char *const filters[] = {"gzip", "bzip2"};
    char twice[2 * sizeof poem];
    snprintf(twice, sizeof twice, "%s%s", poem, poem);
    for (int i = 0; i < 2; i++) {
        size_t size;
        put_archive(at("one"), "raw", filters[i], &one, 1);
        unsigned char *bytes = get_file(at("one"), &size), *second = get_file(at("one"), &size);
        put_joined(at("two"), bytes, size, second, size);
        assert_reads(at("two"), archive_contents, twice);
        put_joined(at("two"), bytes, size, second, size - 6);
        refuses(at("two"), archive_contents, SIGMOE_BAD_FORMAT, "cannot unpack");
        put_joined(at("two"), bytes, size, "rubbish", 7);
        refuses(at("two"), archive_contents, SIGMOE_BAD_FORMAT, "damaged, or cut off");
        second[0] ^= 1;
        put_joined(at("two"), bytes, size, second, size);
        refuses(at("two"), archive_contents, SIGMOE_BAD_FORMAT, "damaged, or cut off");
        free(bytes);
        free(second);
    }
}

static void zeros_behind_gzip(void **state) {
    (void)state;
    const packed_file one = {"poem", poem, sizeof poem - 1};
    size_t size;
    char zeros[512] = {0};
    put_archive(at("one.gz"), "raw", "gzip", &one, 1);
    unsigned char *bytes = get_file(at("one.gz"), &size);
    put_joined(at("padded.gz"), bytes, size, zeros, sizeof zeros);
    assert_reads(at("padded.gz"), archive_contents, poem);
    zeros[300] = 'x';
    put_joined(at("padded.gz"), bytes, size, zeros, sizeof zeros);
    refuses(at("padded.gz"), archive_contents, SIGMOE_BAD_FORMAT, "damaged, or cut off");
    free(bytes);
}

// Behind the magic number, a change is either of no matter (the header's date) or an error, never another text.
static void gzip_with_any_byte_changed(void **state) {
    (void)state;
    const packed_file one = {"poem", poem, sizeof poem - 1};
    size_t size;
    char text[4097];
    put_archive(at("one.gz"), "raw", "gzip", &one, 1);
    unsigned char *bytes = get_file(at("one.gz"), &size);
    for (size_t i = 2; i < size; i++) {
        bytes[i] ^= 0x10;
        put_file(at("changed.gz"), bytes, size);
        sigmoe_status status = read_all(at("changed.gz"), archive_contents, text);
        if (status == SIGMOE_OK && strcmp(text, poem) != 0) fail_msg("byte %zu changes the text", i);
        if (i + 8 >= size) assert_int_equal(status, SIGMOE_BAD_FORMAT); // the checksum and the length
        bytes[i] ^= 0x10;
    }
    free(bytes);
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

// The paths, one a line, with a mark behind those of links.
static sigmoe_status note_path(void *context, const char *path, bool link) {
    char *list = context;
    size_t used = strlen(list);
    snprintf(list + used, 1024 - used, "%s%s\n", path, link ? " (link)" : "");
    return SIGMOE_OK;
}

static sigmoe_status list(const char *path, char paths[1024]) {
    arena *a;
    byte_source file = {0};
    paths[0] = '\0';
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(file_source_open(path, a, &file), SIGMOE_OK);
    sigmoe_status status = archive_list(&file, path, a, note_path, paths);
    arena_destroy(a);
    return status;
}

static void assert_lists(const char *path, const char *expected) {
    char paths[1024];
    if (list(path, paths) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_string_equal(paths, expected);
}

static void put_linked(const char *path) {
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_by_name(a, "ustar"), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (int i = 0; i < 2; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, i == 0 ? "first" : "a/wanted");
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, i == 0 ? 1 : 0);
        if (i == 1) archive_entry_set_hardlink(entry, "first");
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        if (i == 0) assert_int_equal(archive_write_data(a, "x", 1), 1);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void listing(void **state) {
    (void)state;
    const packed_file files[] = {{"a/b", "x", 1}, {"a/b", poem, sizeof poem - 1}, {"z", "", 0}};
    put_archive(at("a.zip"), "zip", NULL, files, 3);
    assert_lists(at("a.zip"), "a/b\na/b\nz\n");
    put_archive(at("a.tar.zst"), "ustar", "zstd", files, 3);
    assert_lists(at("a.tar.zst"), "a/b\na/b\nz\n");
    put_linked(at("linked.tar"));
    assert_lists(at("linked.tar"), "first\na/wanted (link)\n");
    refuses(at("linked.tar"), find_wanted, SIGMOE_BAD_FORMAT, "holds a/wanted only as a link");
}

// The checksum lies behind a tar archive's end.
static void listing_damaged_archives(void **state) {
    (void)state;
    const packed_file files[] = {{"a/b", poem, sizeof poem - 1}};
    static const char *const filters[] = {"gzip", "xz", "bzip2"};
    static const size_t places[] = {8, 1, 4}; // from the end: of the checksum, the magic number, the checksum
    char paths[1024];
    for (int i = 0; i < 3; i++) {
        size_t size;
        put_archive(at("a.tar"), "ustar", filters[i], files, 1);
        assert_lists(at("a.tar"), "a/b\n");
        unsigned char *bytes = get_file(at("a.tar"), &size);
        bytes[size - places[i]] ^= 1;
        put_file(at("a.tar"), bytes, size);
        free(bytes);
        assert_int_equal(list(at("a.tar"), paths), SIGMOE_BAD_FORMAT);
        assert_message_has("cannot unpack");
    }
}

static void names_beyond_ascii(void **state) {
    (void)state;
    const packed_file files[] = {{"donn\xc3\xa9"
                                  "es/\xe6\x97\xa5\xe6\x9c\xac/wanted",
        poem, sizeof poem - 1}};
    static const char *const formats[] = {"zip", "pax"};
    for (int i = 0; i < 2; i++) {
        // Only so does libarchive mark the name as UTF-8.
        locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = uselocale(utf8);
        put_archive(at("named"), formats[i], NULL, files, 1);
        uselocale(before);
        freelocale(utf8);
        assert_lists(at("named"), "donn\xc3\xa9"
                                  "es/\xe6\x97\xa5\xe6\x9c\xac/wanted\n");
        assert_reads(at("named"), find_wanted, poem);
    }
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
            assert_int_equal(n, 4); // file, its path, member, its gzip reader
            break;
        }
        assert_int_equal(status, SIGMOE_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents),
        cmocka_unit_test(nothing),
        cmocka_unit_test(one_behind_the_other),
        cmocka_unit_test(zeros_behind_gzip),
        cmocka_unit_test(gzip_with_any_byte_changed),
        cmocka_unit_test(more_than_one_file),
        cmocka_unit_test(finding),
        cmocka_unit_test(listing),
        cmocka_unit_test(listing_damaged_archives),
        cmocka_unit_test(names_beyond_ascii),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
