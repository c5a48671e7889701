// Sentences of lines and of documents, out of plain and packed parts.
#include "data/archives.h"

#include "data/archive.h"
#include "data/split_text.h"

static const char *part_paths[4];

static sigmoe_status open_part(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)context, (void)split;
    byte_source file;
    TRY(file_source_open(part_paths[part], a, &file));
    return archive_contents(&file, part_paths[part], a, out);
}

static const char *part_name(const void *context, int split, int part) {
    (void)context, (void)split;
    return part_paths[part];
}

// Reads all sentences, joined by `|`, a cut one with a `~` behind it; the failure's status otherwise.
static sigmoe_status read_all(
    sentence_format format, int parts, char *joined, size_t capacity, raw_measure *raw) {
    const split_text text = {
        .name = "it", .format = format, .parts = {parts}, .open = open_part, .part_name = part_name};
    sentence_reader *r;
    sentence s;
    size_t size = 0;
    assert_int_equal(sentence_reader_open(&text, 0, parts, &r), SIGMOE_OK);
    sigmoe_status status;
    while ((status = sentence_reader_next(r, &s)) == SIGMOE_OK && s.bytes) {
        assert_true(s.size <= SENTENCE_BYTES && size + s.size + 3 < capacity);
        memcpy(joined + size, s.bytes, s.size);
        size += s.size;
        if (s.cut) joined[size++] = '~';
        joined[size++] = '|';
    }
    joined[size] = '\0';
    *raw = *sentence_reader_measure(r);
    sentence_reader_close(r);
    return status;
}

static void assert_sentences(sentence_format format, const char *expected, int64_t bytes, int64_t words) {
    char joined[1000];
    raw_measure raw;
    if (read_all(format, 1, joined, sizeof joined, &raw) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_string_equal(joined, expected);
    assert_int_equal(raw.bytes, bytes);
    assert_int_equal(raw.counter.words, words);
}

static void lines(void **state) {
    (void)state;
    part_paths[0] = at("part");
    put_text(part_paths[0], "one two\n\nthree\r\n four\nlast");
    assert_sentences(SENTENCE_LINES, "one two|three\r| four|last|", 26, 5 + 4);
    put_text(part_paths[0], "\n");
    assert_sentences(SENTENCE_LINES, "", 1, 1);
}

static void documents(void **state) {
    (void)state;
    part_paths[0] = at("part");
    put_text(part_paths[0], "{\"text\": \"one\\ntwo\", \"n\": 1}\n{\"text\": \"\"}\n\n \r\n"
                            "{\"x\": {\"text\": 3}, \"text\": \"caf\\u00e9 a\\u0000b\"}");
    char joined[1000];
    raw_measure raw;
    assert_int_equal(read_all(SENTENCE_DOCUMENTS, 1, joined, sizeof joined, &raw), SIGMOE_OK);
    static const char expected[] = "one\ntwo<STORY_SEP>|caf\xc3\xa9 a\0b<STORY_SEP>|";
    assert_memory_equal(joined, expected, sizeof expected);
    assert_int_equal(raw.bytes, 7 + 11 + 9 + 11);
    assert_int_equal(text_counter_chars(&raw.counter), raw.bytes - 1);
    assert_int_equal(raw.counter.words, 3 + 1); // one, two<STORY_SEP>caf.., a.b<STORY_SEP>, and a newline
}

// What Python's json.dumps writes, and other valid JSON, in fields that are not used; and what Windows puts in front.
static void documents_with_odd_fields(void **state) {
    (void)state;
    enum { DEPTH = 100000 };
    static const char documents[] =
        "\xef\xbb\xbf{\"id\": 123456789012345678901234567890, \"text\": \"a\"}\r\n"
        "{\"score\": 1e999, \"text\": \"b\"}\n"
        "{\"x\\u0000\": NaN, \"y\": -Infinity, \"text\": \"c\"}\n"
        "{\"x\": \"\\ud800\", \"text\": \"d\\ud800\"}\n"
        "{\"text\": 1, \"text\": \"e\", \"deep\": ";
    static const char expected[] =
        "a<STORY_SEP>|b<STORY_SEP>|c<STORY_SEP>|d\xef\xbf\xbd<STORY_SEP>|e<STORY_SEP>|";
    char *text = malloc(sizeof documents + 2 * DEPTH + 2);
    int size = sprintf(text, "%s", documents);
    memset(text + size, '[', DEPTH);
    memset(text + size + DEPTH, ']', DEPTH);
    strcpy(text + size + 2 * DEPTH, "}");
    part_paths[0] = at("part");
    put_text(part_paths[0], text);
    free(text);
    assert_sentences(SENTENCE_DOCUMENTS, expected, 5 + 3 + 5 * 11, 1);
    put_text(part_paths[0], "\xef\xbb\xbf\n{\"text\": \"a\"}");
    assert_sentences(SENTENCE_DOCUMENTS, "a<STORY_SEP>|", 12, 1);
    put_text(part_paths[0], "\xef\xbb\xbf");
    assert_sentences(SENTENCE_DOCUMENTS, "", 0, 0);
}

static void packed_documents(void **state) {
    (void)state;
    const char *json = "{\"text\": \"a b\"}\n{\"text\": \"c\"}\n";
    const packed_file file = {"shard.json", json, strlen(json)};
    static const char *const filters[] = {"gzip", "zstd", "xz", NULL};
    part_paths[0] = at("packed");
    for (int i = 0; i < 4; i++) {
        put_archive(part_paths[0], filters[i] ? "raw" : "zip", filters[i], &file, 1);
        assert_sentences(SENTENCE_DOCUMENTS, "a b<STORY_SEP>|c<STORY_SEP>|", 3 + 11 + 1 + 11, 2);
    }
}

static void parts_follow_each_other(void **state) {
    (void)state;
    char joined[100];
    raw_measure raw;
    for (int i = 0; i < 3; i++) {
        static const char *const texts[] = {"{\"text\": \"a\"}", "\n", "{\"text\": \"b\"}\n"};
        part_paths[i] = at(&"a\0b\0c"[2 * i]);
        put_text(part_paths[i], texts[i]);
    }
    assert_int_equal(read_all(SENTENCE_DOCUMENTS, 3, joined, sizeof joined, &raw), SIGMOE_OK);
    assert_string_equal(joined, "a<STORY_SEP>|b<STORY_SEP>|");
}

static void refuses(const char *text, const char *message) {
    char joined[1000];
    raw_measure raw;
    part_paths[0] = at("shard");
    put_text(part_paths[0], text);
    assert_int_equal(read_all(SENTENCE_DOCUMENTS, 1, joined, sizeof joined, &raw), SIGMOE_BAD_FORMAT);
    assert_message_has(message);
    assert_null(strchr(sigmoe_message(), '\n'));
}

static void bad_documents(void **state) {
    (void)state;
    refuses("{\"text\": \"a\"}\n{\"text\": \"b\"\n{\"text\": \"c\"}\n",
        "shard: line 2 is no JSON: the line ends before its value does, at byte 13 of the line");
    refuses("\xef\xbb\xbf{\"text\": x}\n", "no value, at byte 13 of the line");
    refuses("{\"text\": \"a\"}\n\xef\xbb\xbf{\"text\": \"b\"}\n", "shard: line 2 is no JSON");
    refuses("{\"text\": \"a\"}\n\n{\"txet\": \"b\"}\n", "shard: line 3 has no \"text\"");
    refuses("{\"text\": 7}\n", "shard: line 1 has a \"text\" that is no string");
    refuses("[\"text\"]\n", "shard: line 1 is no JSON object");
    refuses("{\"text\": \"a\"} x\n", "shard: line 1 is no JSON");
    refuses("{\"text\": \"\xff\"}\n", "shard: line 1 is no JSON");
}

static void truncated_archives(void **state) {
    (void)state;
    enum { LINES = 3000 };
    char *json = malloc(LINES * 40), *end = json, *joined = malloc(LINES * 40);
    for (int i = 0; i < LINES; i++)
        end += sprintf(end, "{\"text\": \"%u\"}\n", (unsigned)i * (unsigned)i * 7919u);
    const packed_file file = {"shard.json", json, (size_t)(end - json)};
    static const char *const filters[] = {"gzip", "zstd", "xz", NULL};
    for (int i = 0; i < 4; i++) {
        size_t size;
        raw_measure raw;
        put_archive(at("whole"), filters[i] ? "raw" : "zip", filters[i], &file, 1);
        unsigned char *bytes = get_file(at("whole"), &size);
        part_paths[0] = at("truncated");
        put_file(part_paths[0], bytes, size * 2 / 3);
        assert_int_equal(read_all(SENTENCE_DOCUMENTS, 1, joined, LINES * 40, &raw), SIGMOE_BAD_FORMAT);
        assert_message_has("truncated");
        free(bytes);
    }
    free(json);
    free(joined);
}

// Lines beyond what is handled at once: cut in front of white space where there is some, else between characters, and
// nothing is lost, whatever remains for the last piece.
static void a_long_line(int size, bool spaced) {
    raw_measure raw;
    char *text = malloc((size_t)size), *joined = malloc(2 * (size_t)size);
    for (int i = 0; i < size; i++) text[i] = "\xe2\x82\xac"[(i + 1) % 3];
    text[0] = text[1] = 'x';
    for (int i = 2; spaced && i + 3 < size; i += 999) memcpy(text + i, "x x", 3);
    text[size - 1] = '\n';
    part_paths[0] = at("part");
    put_file(part_paths[0], text, (size_t)size);
    assert_int_equal(read_all(SENTENCE_LINES, 1, joined, 2 * (size_t)size, &raw), SIGMOE_OK);
    assert_int_equal(raw.bytes, size);
    const char *in = joined;
    int pieces = 1;
    for (int i = 0; i < size - 1; in++, i++) {
        if (*in == '~') {
            assert_int_equal(in[1], '|');
            in += 2;
            pieces++;
            assert_true(spaced ? *in == ' ' : (*in & 0xc0) != 0x80);
        }
        assert_int_equal(*in, text[i]);
    }
    assert_string_equal(in, "~|");
    assert_in_range(pieces, size / SENTENCE_BYTES, 2 * size / SENTENCE_BYTES);
    free(text);
    free(joined);
}

static void long_lines(void **state) {
    (void)state;
    for (int size = 200000; size < 200000 + 3 * SENTENCE_BYTES; size += 3 * 1024) {
        a_long_line(size, false);
        a_long_line(size, true);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(documents),
        cmocka_unit_test(documents_with_odd_fields),
        cmocka_unit_test(packed_documents),
        cmocka_unit_test(parts_follow_each_other),
        cmocka_unit_test(bad_documents),
        cmocka_unit_test(truncated_archives),
        cmocka_unit_test(long_lines),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
