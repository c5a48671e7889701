// Sentences of lines and of documents, out of plain and packed parts.
#include "prepare/archives.h"

#include "prepare/archive/archive.h"
#include "prepare/split_text.h"
#include "prepare/white_space.h"

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
        assert_true(size + s.size + 3 < capacity);
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

// ---------------------------------------------------------------- long lines

typedef struct long_text {
    char *bytes;
    size_t size;
} long_text;

// `space` every so many characters of three bytes, from the first on; 0: none.
static long_text make_line(int characters, const char *space, int every) {
    long_text t = {malloc((size_t)characters * 6 + 2), 0};
    for (int i = 0; i < characters; i++) {
        if (every && i % every == 0) t.size += (size_t)sprintf(t.bytes + t.size, "%s", space);
        t.size += (size_t)sprintf(t.bytes + t.size, "\xe2\x82\xac");
    }
    t.bytes[t.size++] = '\n';
    t.bytes[t.size] = '\0';
    return t;
}

// Nothing is lost, each piece but the first goes on in front of white space and says so, and another line begins anew.
static void assert_cut(const long_text *t, size_t longest) {
    static const char second[] = "next";
    part_paths[0] = at("part");
    FILE *file = fopen(part_paths[0], "wb");
    assert_int_equal(fwrite(t->bytes, 1, t->size, file), t->size);
    fputs(second, file);
    assert_int_equal(fclose(file), 0);
    const split_text text = {
        .format = SENTENCE_LINES, .parts = {1}, .open = open_part, .part_name = part_name};
    sentence_reader *r;
    sentence s;
    assert_int_equal(sentence_reader_open(&text, 0, 1, &r), SIGMOE_OK);
    size_t place = 0;
    do {
        assert_int_equal(sentence_reader_next(r, &s), SIGMOE_OK);
        assert_true(place + s.size < t->size && s.size <= longest && s.size > 0);
        assert_memory_equal(s.bytes, t->bytes + place, s.size);
        assert_int_equal(s.continues, place > 0);
        if (place > 0) assert_true(white_space_at(s.bytes, s.size) > 0);
        place += s.size;
        assert_int_equal(s.cut, s.continues || place + 1 < t->size);
    } while (place + 1 < t->size);
    assert_int_equal(sentence_reader_next(r, &s), SIGMOE_OK);
    assert_int_equal(s.size, strlen(second));
    assert_false(s.continues || s.cut);
    assert_int_equal(sentence_reader_next(r, &s), SIGMOE_OK);
    assert_null(s.bytes);
    sentence_reader_close(r);
}

static void long_lines(void **state) {
    (void)state;
    static const char *const spaces[] = {" ", "\t", "\xc2\xa0", "\xe2\x80\x83", "\xe3\x80\x80"};
    for (int characters = 60000; characters < 60000 + SENTENCE_BYTES; characters += 3000)
        for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
            long_text often = make_line(characters, spaces[i], 100),
                      seldom = make_line(characters, spaces[i], 7000);
            assert_cut(&often, SENTENCE_BYTES);
            assert_cut(&seldom, 3 * 7000 + 3);
            free(often.bytes);
            free(seldom.bytes);
        }
}

static void lines_without_white_space(void **state) {
    (void)state;
    for (int characters = 5000; characters < 300000; characters = characters * 3 / 2) {
        long_text t = make_line(characters, "", 0);
        assert_cut(&t, t.size);
        free(t.bytes);
    }
    // Too long to be encoded at once.
    long_text t = make_line((WORD_BYTES + WORD_BYTES / 8) / 3, "", 0);
    part_paths[0] = at("part");
    put_file(part_paths[0], t.bytes, t.size);
    raw_measure raw;
    assert_int_equal(read_all(SENTENCE_LINES, 1, t.bytes, t.size, &raw), SIGMOE_BAD_FORMAT);
    assert_message_has("part: in the split train, 16 MiB from byte 0 on have no white space");
    assert_message_has("`tokenizer` bytes");
    free(t.bytes);
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
        cmocka_unit_test(lines_without_white_space),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
