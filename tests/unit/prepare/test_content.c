// Files told by what they hold: text comes out unpacked, what is none is named, and no bytes do harm.
#include "prepare/archives.h"

#include "prepare/archive/content.h"
#include "prepare/archive/content_kind.h"
#include "prepare/odd_bytes.h"

// ---------------------------------------------------------------- opening

// All of the text, 0-terminated; freed by the caller. NULL: it is refused.
static char *try_content(const char *path, int options, size_t *size) {
    arena *a;
    byte_source file, text = {0};
    enum { CAPACITY = 1 << 20 };
    char *bytes = malloc(CAPACITY);
    *size = 0;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(file_source_open(path, a, &file), SIGMOE_OK);
    sigmoe_status status = content_open(&file, path, options, a, &text);
    for (size_t count = 1; status == SIGMOE_OK && count > 0; *size += count)
        status = text.read(text.context, bytes + *size, CAPACITY - 1 - *size, &count);
    byte_source_close(&text);
    arena_destroy(a);
    bytes[*size] = '\0';
    if (status == SIGMOE_OK) return bytes;
    free(bytes);
    return NULL;
}

static void gives(const char *path, int options, const char *expected) {
    size_t size;
    char *text = try_content(path, options, &size);
    if (!text) fail_msg("%s", sigmoe_message());
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    free(text);
}

static void refuses(const char *path, int options, const char *part) {
    size_t size;
    char *text = try_content(path, options, &size);
    if (text) fail_msg("%s is taken for text", path);
    assert_message_has(part);
    assert_null(strchr(sigmoe_message(), '\n'));
}

// ---------------------------------------------------------------- kinds

typedef struct sample {
    size_t size;
    const char *bytes, *what, *instead;
} sample;

#define BEGINS(bytes) sizeof(bytes) - 1, bytes
static const sample samples[] = {
    {BEGINS("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG picture", "name files of text"},
    {BEGINS("\xff\xd8\xff\xe0\0\x10JFIF"), "a JPEG picture", "name files of text"},
    {BEGINS("GIF89a\1\0\1\0"), "a GIF picture", "name files of text"},
    {BEGINS("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "a PDF document", "pdftotext"},
    {BEGINS("\x7f"
            "ELF\2\1\1"),
        "a program or library (ELF)", "name files of text"},
    {BEGINS("\xcf\xfa\xed\xfe\7\0\0\1"), "a program or library (Mach-O)", "name files of text"},
    {BEGINS("PAR1\x15\4\x15\x10"), "a Parquet file", "JSON lines"},
    {BEGINS("SQLite format 3\0\x10\0"), "an SQLite database", "into a text file"},
    {BEGINS("\x93NUMPY\1\0v\0{'descr': '<u2'"), "a NumPy array", "docs/formats/data.md"},
    {BEGINS("\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\""), "a safetensors file", "name files of text"},
    {BEGINS("\x88\xd8\x34\x01\1\0\0\0\5\0\0\0"), "a shard of tokens", "`sigmoe_train`"},
    {BEGINS("\xa1\xd9\x34\x01\7\0\0\0\5\0\0\0"), "a shard of tokens", "`sigmoe_train`"},
    {BEGINS("\xff\xfe"
            "a\0b\0"),
        "text in UTF-16", "iconv -f UTF-16 -t UTF-8"},
    {BEGINS("\xfe\xff"
            "\0a\0b"),
        "text in UTF-16", "iconv -f UTF-16 -t UTF-8"},
    {BEGINS("\xff\xfe\0\0"
            "a\0\0\0"),
        "text in UTF-32", "iconv -f UTF-32 -t UTF-8"},
    {BEGINS("7z\xbc\xaf\x27\x1c\0\4"), "a 7z archive", "unpack it"},
    {BEGINS("Rar!\x1a\7\1\0"), "a RAR archive", "unpack it"},
    {BEGINS("\x04\x22\x4d\x18\x64\x40"), "packed as lz4", "lz4 -d"},
    {BEGINS("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Office document", "as plain text"},
    {BEGINS("\0asm\1\0\0\0"), "a program (WebAssembly)", "name files of text"},
};

static void what_is_no_text_is_named(void **state) {
    (void)state;
    const char *path = at("file");
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        put_file(path, samples[i].bytes, samples[i].size);
        refuses(path, 0, samples[i].what);
        assert_message_has(samples[i].instead);
        assert_message_has("/file is ");
        assert_null(strstr(sigmoe_message(), "`raw`"));
        refuses(path, CONTENT_OFFERS_RAW, "or add `raw` to take its bytes as they are");
    }
    unsigned char program[256] = {'M', 'Z', [60] = 128, [128] = 'P', 'E', 0, 0};
    put_file(path, program, sizeof program);
    refuses(path, 0, "a program or library (Windows)");
    const packed_file file = {"a.txt", "text", 4};
    put_archive(path, "ustar", NULL, &file, 1);
    refuses(path, 0, "a tar archive: unpack it, and name the files of text in it");
    put_archive(path, "ustar", "gzip", &file, 1);
    refuses(path, 0, "a tar archive");
    put_dictionary_package(path, "text", 4);
    refuses(path, 0, "a Debian package");
}

// What begins like something else, but goes on as text.
static void texts_that_only_look_like_it(void **state) {
    (void)state;
    static const char *const texts[] = {"", "P",
        "MZ is the mark of DOS programs, and of nothing else that I know.", "PAR1 was a runway.",
        "BZh9 is how bzip2 begins.", "RIFF, and what follows", "PK is a name", "II* is a grade",
        "GIF pictures", "OggS", "\xef\xbb\xbfwith a mark", "caf\xe9 au lait, cr\xe8me br\xfbl\351e",
        "\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7 in GBK", "ustar", "{\"text\": 1}"};
    const char *path = at("file");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_text(path, texts[i]);
        gives(path, CONTENT_OFFERS_RAW, texts[i]);
    }
    // Names between NULs, zeros alone, and numbers that bytes stand for.
    size_t size;
    char bytes[4096] = {0};
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = kind == 0 ? "usr\0bin\0ls\0"[i % 11] : kind == 1 ? 0 : (char)(i * i % 7 & 3);
        put_file(path, bytes, sizeof bytes);
        char *text = try_content(path, 0, &size);
        if (!text) fail_msg("%d: %s", kind, sigmoe_message());
        assert_int_equal(size, sizeof bytes);
        assert_memory_equal(text, bytes, size);
        free(text);
    }
}

// ---------------------------------------------------------------- numbers of 16 bits

static void put_units(const char *path, const unsigned *units, size_t count, bool big_endian) {
    unsigned char *bytes = malloc(2 * count + 1);
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i + big_endian] = (unsigned char)units[i];
        bytes[2 * i + !big_endian] = (unsigned char)(units[i] >> 8);
    }
    put_file(path, bytes, 2 * count);
    free(bytes);
}

static void utf16_without_a_mark(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    unsigned latin[COUNT], cyrillic[COUNT], chinese[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        bool space = i % 6 == 5;
        latin[i] = space ? ' ' : i % 400 == 7 ? '\n' : i % 50 == 3 ? 0xe9 : 'a' + i * i % 26;
        cyrillic[i] = space ? ' ' : 0x430 + i * i % 32;
        chinese[i] = i % 20 == 19 ? 0x3002 : i % 500 == 3 ? '\n' : 0x4e00 + i * i * 7919u % 20000;
    }
    const unsigned *const texts[] = {latin, cyrillic, chinese};
    const char *path = at("file");
    for (int k = 0; k < 3; k++)
        for (int big_endian = 0; big_endian < 2; big_endian++)
            for (size_t count = k ? 500 : 20; count <= COUNT; count += 497) {
                put_units(path, texts[k], count, big_endian);
                refuses(path, 0, "text in UTF-16");
                assert_message_has(big_endian ? "iconv -f UTF-16BE" : "iconv -f UTF-16LE");
            }
}

// As tokenizers give them: small ids are frequent, large ones seldom.
static void token_ids_without_a_header(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    unsigned ids[COUNT], wide[2 * COUNT] = {0};
    const char *path = at("file");
    uint32_t x = 1;
    static const unsigned vocabularies[] = {65, 8000, 32000, 50257};
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < COUNT; i++) {
            x = x * 1664525u + 1013904223u;
            double share = (x >> 8) / 16777216.0;
            ids[i] = (unsigned)(share * share * share * share * vocabularies[k]);
            if (k == 0) ids[i] = 1 + (x >> 8) % 64;
            wide[2 * i] = ids[i];
        }
        put_units(path, ids, COUNT, false);
        refuses(path, CONTENT_OFFERS_RAW, "token ids without a header");
        assert_message_has("docs/formats/data.md");
        assert_message_has("`raw`");
        if (k == 0) continue;
        put_units(path, wide, sizeof wide / sizeof *wide, false);
        refuses(path, 0, "token ids without a header");
    }
}

// ---------------------------------------------------------------- packed

static void packed_text(void **state) {
    (void)state;
    static const char *const filters[] = {"gzip", "zstd", "xz", "bzip2"};
    const packed_file file = {"a.png", "caf\xc3\xa9 text\n", 11};
    const char *path = at("book.txt"), *outer = at("outer.txt");
    for (int i = 0; i < 5; i++) {
        size_t size;
        put_archive(path, i < 4 ? "raw" : "zip", i < 4 ? filters[i] : NULL, &file, 1);
        gives(path, 0, "caf\xc3\xa9 text\n");
        gives(path, CONTENT_MANY, "caf\xc3\xa9 text\n");
        unsigned char *bytes = get_file(path, &size);
        // Once more, in each of two ways.
        const packed_file inner = {"inner", bytes, size};
        put_archive(outer, "zip", NULL, &inner, 1);
        gives(outer, CONTENT_MANY, "caf\xc3\xa9 text\n");
        gives(outer, 0, "caf\xc3\xa9 text\n");
        put_archive(outer, "raw", "gzip", &inner, 1);
        gives(outer, 0, "caf\xc3\xa9 text\n");
        size_t outer_size;
        unsigned char *twice = get_file(outer, &outer_size);
        put_archive(outer, "zip", NULL, &(packed_file){"twice", twice, outer_size}, 1);
        if (i == 0)
            refuses(outer, CONTENT_MANY,
                "packed more than 2 times over"); // others libarchive goes through at once
        // Cut off anywhere, it is not taken for the whole.
        for (size_t cut = size / 2; cut < size; cut += size / 9 + 1) {
            put_file(outer, bytes, cut);
            refuses(outer, CONTENT_MANY, "outer.txt");
        }
        free(twice);
        free(bytes);
    }
    // Members of gzip follow each other.
    size_t size;
    put_archive(path, "raw", "gzip", &file, 1);
    unsigned char *bytes = get_file(path, &size), *twice = malloc(2 * size);
    memcpy(twice, bytes, size);
    memcpy(twice + size, bytes, size);
    put_file(path, twice, 2 * size);
    gives(path, 0, "caf\xc3\xa9 text\ncaf\xc3\xa9 text\n");
    free(twice);
    free(bytes);
}

static void archives_of_several_files(void **state) {
    (void)state;
    const char *path = at("books.zip");
    const packed_file files[] = {{"b.txt", "second letter\n", 14}, {"__MACOSX/._b.txt", "\0\5\x16\7", 4},
        {"empty", "", 0}, {"a/a.txt", "first letter\n", 13}, {"a/._a.txt", "\0\5\x16\7", 4}};
    put_archive(path, "zip", NULL, files, 5);
    gives(path, CONTENT_MANY, "second letter\nfirst letter\n");
    refuses(path, 0, "books.zip holds more than one file");
    const packed_file mixed[] = {{"a.txt", "text\n", 5}, {"cover.png", samples[0].bytes, samples[0].size}};
    put_archive(path, "zip", NULL, mixed, 2);
    refuses(path, CONTENT_MANY, "books.zip: cover.png is a PNG picture");
    const packed_file document[] = {{"[Content_Types].xml", "<a/>", 4}, {"word/document.xml", "<b/>", 4}};
    put_archive(path, "zip", NULL, document, 2);
    refuses(path, CONTENT_MANY, "books.zip is an Office document: save it as plain text first");
    put_archive(path, "zip", NULL, document, 0);
    gives(path, CONTENT_MANY, "");
    // A changed byte of the second file is told by its checksum. Between its name and its bytes lies what the writer adds to a
    // header, whose length stands in front of the name.
    size_t size;
    put_archive(path, "zip", NULL, files, 5);
    unsigned char *bytes = get_file(path, &size);
    unsigned char *header = memmem(bytes, size, "a/a.txt", 7);
    assert_non_null(header);
    size_t added = header[-2] | (size_t)header[-1] << 8;
    header[strlen("a/a.txt") + added + 5] ^= 0x55;
    put_file(path, bytes, size);
    refuses(path, CONTENT_MANY, "cannot unpack");
    free(bytes);
}

// ---------------------------------------------------------------- any bytes

static uint32_t next_random(uint32_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

// Behind each beginning that means something, cut and changed: refused, or taken as it is, but never more than that.
static void any_bytes(void **state) {
    (void)state;
    static const char *const begins[] = {"", "PK\3\4", "PK\5\6", "\x1f\x8b\x08", "\xfd\x37zXZ",
        "\x28\xb5\x2f\xfd", "BZh91AY&SY", "MZ", "PAR1", "\xff\xff\xff\xff", "\xef\xbb", "\x50\x2a\x4d\x18"};
    const char *path = at("file");
    uint32_t x = 2463534242u;
    unsigned char bytes[3000];
    for (int round = 0; round < 600; round++) {
        const char *begin = begins[round % (sizeof begins / sizeof *begins)];
        size_t length = strlen(begin), size = round < 60 ? (size_t)round : next_random(&x) % sizeof bytes,
               got;
        unsigned mask = round % 5 == 0 ? 0x7f : round % 5 == 1 ? 0x0f : 0xff;
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(next_random(&x) & mask);
        memcpy(bytes, begin, length);
        put_file(path, bytes, size);
        char *text = try_content(path, CONTENT_MANY, &got);
        if (!text) assert_true(strlen(sigmoe_message()) > 10);
        content_kind kind = content_kind_of(bytes, size);
        if (kind.form == CONTENT_TEXT) {
            assert_non_null(text);
            assert_int_equal(got, size);
            assert_memory_equal(text, bytes, size);
        } else if (kind.form == CONTENT_OTHER) {
            assert_null(text);
            assert_true(kind.what && kind.instead);
        }
        free(text);
    }
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    const char *path = at("books.zip");
    const packed_file files[] = {{"a", "one\n", 4}, {"b", "two\n", 4}};
    put_archive(path, "zip", NULL, files, 2);
    int64_t failures = 0;
    for (bool done = false; !done; failures++) {
        arena *a;
        byte_source file, text = {0};
        char bytes[64];
        assert_int_equal(arena_create("test", &a), SIGMOE_OK);
        assert_int_equal(file_source_open(path, a, &file), SIGMOE_OK);
        arena_fail_after(failures);
        sigmoe_status status = content_open(&file, path, CONTENT_MANY, a, &text);
        for (size_t count = 1; status == SIGMOE_OK && count > 0;)
            status = text.read(text.context, bytes, sizeof bytes, &count);
        arena_fail_after(-1);
        byte_source_close(&text);
        arena_destroy(a);
        done = status == SIGMOE_OK;
        if (!done) assert_int_equal(status, SIGMOE_NO_MEMORY);
    }
    assert_in_range(failures, 5, 100);
}

// ---------------------------------------------------------------- odd bytes of a text

static void count_odd(odd_bytes *o, int part, const char *path, size_t step) {
    arena *a;
    byte_source file, text;
    char bytes[64];
    size_t count = 1;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(file_source_open(path, a, &file), SIGMOE_OK);
    assert_int_equal(odd_bytes_watch(o, part, &file, a, &text), SIGMOE_OK);
    while (count > 0) assert_int_equal(text.read(text.context, bytes, step, &count), SIGMOE_OK);
    byte_source_close(&text);
    arena_destroy(a);
}

static void odd_bytes_are_counted_once(void **state) {
    (void)state;
    static const char first[] = "\xef\xbb\xbfwell, caf\xc3\xa9";
    static const char second[] = "a\xc3(b\0\0\xe2\x82z\xff\xf0\x9f\x98\x80\xe2\x82";
    put_file(at("first"), first, sizeof first - 1);
    put_file(at("second"), second, sizeof second - 1);
    for (size_t step = 1; step < 8; step++) {
        odd_bytes o = {0};
        for (int reading = 0; reading < 2; reading++) {
            count_odd(&o, 0, at("first"), step);
            count_odd(&o, 1, at("second"), step);
        }
        assert_int_equal(o.marks.count, 1);
        assert_int_equal(o.marks.part, 0);
        assert_int_equal(o.nuls.count, 2);
        assert_int_equal(o.nuls.part, 1);
        assert_int_equal(o.nuls.offset, 4);
        assert_int_equal(o.broken.count, 1 + 2 + 1 + 2);
        assert_int_equal(o.broken.part, 1);
        assert_int_equal(o.broken.offset, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_text_is_named),
        cmocka_unit_test(texts_that_only_look_like_it),
        cmocka_unit_test(utf16_without_a_mark),
        cmocka_unit_test(token_ids_without_a_header),
        cmocka_unit_test(packed_text),
        cmocka_unit_test(archives_of_several_files),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(odd_bytes_are_counted_once),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
