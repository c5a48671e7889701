// What is cut, read ahead and encoded on several threads gives the tokens that the library gives for each whole line.
#include "prepare/train_sentencepiece.h"
#include "prepare/small_corpus.h"

#include "prepare/encode_split.h"
#include "prepare/white_space.h"

#include <math.h>

// ---------------------------------------------------------------- texts and models

typedef struct growing_text {
    char *bytes;
    size_t size, capacity;
} growing_text;

static void add(growing_text *t, const char *bytes, size_t size) {
    if (t->size + size + 1 > t->capacity) {
        t->capacity = 2 * (t->size + size + 1);
        t->bytes = realloc(t->bytes, t->capacity);
        assert_non_null(t->bytes);
    }
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
    t->bytes[t->size] = '\0';
}

static void add_text(growing_text *t, const char *text) {
    add(t, text, strlen(text));
}

static void add_character(growing_text *t, uint32_t c) {
    char bytes[4];
    if (c < 0x80) return add(t, (char[]){(char)c}, 1);
    int more = 1 + (c >= 0x800) + (c >= 0x10000);
    bytes[0] = (char)(0xff00 >> (more + 1) | c >> 6 * more);
    for (int i = 1; i <= more; i++) bytes[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
    add(t, bytes, (size_t)more + 1);
}

typedef struct given_lines {
    const char *rest;
} given_lines;

static sigmoe_status next_line(void *context, const char **bytes, size_t *size) {
    given_lines *l = context;
    *bytes = *l->rest ? l->rest : NULL;
    *size = strcspn(l->rest, "\n");
    l->rest += *size + (l->rest[*size] == '\n');
    return SIGMOE_OK;
}

static piece_model *train_on(const char *text, int64_t vocab_size) {
    given_lines lines = {text};
    piece_model *model;
    if (sentencepiece_train(&(sentencepiece_input){next_line, &lines}, "it", vocab_size, at("model")) !=
        SIGMOE_OK)
        fail_msg("%s", sigmoe_message());
    assert_int_equal(sentencepiece_open(at("model"), &model), SIGMOE_OK);
    return model;
}

static piece_model *usual_model(void) {
    char *text = make_lines(500, 3);
    growing_text all = {0};
    add_text(&all, text);
    for (int i = 0; i < 300; i++) {
        for (int k = 0; k < 30; k++) add_character(&all, 0x4e00 + (uint32_t)(i * k + k * k) % 40);
        add_text(&all, "\xe3\x80\x80\xed\x95\x9c\xea\xb5\xad e\xcc\x81te\n");
    }
    piece_model *model = train_on(all.bytes, 250);
    assert_true(sentencepiece_knows_space(model));
    free(text);
    free(all.bytes);
    return model;
}

// ---------------------------------------------------------------- the two ways

static const char *path_of_text;

static sigmoe_status open_text(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)context, (void)split, (void)part;
    return file_source_open(path_of_text, a, out);
}

static const char *name_of_text(const void *context, int split, int part) {
    (void)context, (void)split, (void)part;
    return path_of_text;
}

static int32_t *whole_lines(const piece_model *model, const char *text, size_t size, int64_t *total) {
    int32_t *ids = malloc((size_t)sentencepiece_most_ids((int64_t)size) * sizeof *ids);
    *total = 0;
    for (const char *line = text, *end; line < text + size; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + size - line));
        if (!end) end = text + size;
        int64_t count = 0;
        assert_int_equal(sentencepiece_encode(model, line, (size_t)(end - line), ids + *total,
                             sentencepiece_most_ids(end - line), &count),
            SIGMOE_OK);
        *total += count;
    }
    return ids;
}

static void assert_as_whole_lines(const piece_model *model, const growing_text *t) {
    threads *pool;
    progress_meter meter;
    split_content content = {0};
    bad_lines bad;
    int64_t expected, count, unknown = 0;
    path_of_text = at("text");
    put_file(path_of_text, t->bytes, t->size);
    const split_text text = {.name = "it", .parts = {1}, .open = open_text, .part_name = name_of_text};
    progress_begin(&meter, NULL, "tokenize", "bytes", 0, NAN);
    assert_int_equal(threads_create(3, &pool), SIGMOE_OK);
    if (encode_split(&text, 0, model, pool, scratch, &meter, &content, &bad) != SIGMOE_OK)
        fail_msg("%s", sigmoe_message());
    threads_destroy(pool);
    const dataset here = {.vocab_size = sentencepiece_vocab_size(model)};
    dataset d = here;
    snprintf(d.directory, sizeof d.directory, "%s", scratch);
    int32_t *ids = read_tokens(&d, "train", &count),
            *whole = whole_lines(model, t->bytes, t->size, &expected);
    for (int64_t i = 0; i < count && i < expected; i++)
        if (ids[i] != whole[i]) fail_msg("token %lld is %d, not %d", (long long)i, ids[i], whole[i]);
    assert_int_equal(count, expected);
    for (int64_t i = 0; i < count; i++) unknown += ids[i] == sentencepiece_unknown(model);
    assert_int_equal(content.tokens, count);
    assert_int_equal(content.unknown, unknown);
    assert_int_equal(content.raw.bytes, t->size);
    free(ids);
    free(whole);
}

// ---------------------------------------------------------------- tests

// What Unicode calls White_Space.
static const uint32_t white_space[] = {9, 0xa, 0xb, 0xc, 0xd, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001,
    0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f,
    0x3000};

static bool has(uint32_t c) {
    for (size_t i = 0; i < sizeof white_space / sizeof *white_space; i++)
        if (white_space[i] == c) return true;
    return false;
}

static int64_t encode_between(const piece_model *model, uint32_t c, int32_t ids[64]) {
    growing_text t = {0};
    int64_t count;
    add_text(&t, "of");
    add_character(&t, c);
    add_text(&t, "the");
    assert_int_equal(sentencepiece_encode(model, t.bytes, t.size, ids, 64, &count), SIGMOE_OK);
    free(t.bytes);
    return count;
}

// Held against the library for each character, so that another version of it that differs is noticed.
static void white_space_is_what_the_library_takes_for_it(void **state) {
    (void)state;
    piece_model *model = usual_model();
    int32_t spaced[64], ids[64];
    int64_t expected = encode_between(model, ' ', spaced);
    for (uint32_t c = 1; c < 0x110000; c += c == 0xd7ff ? 0x801 : c < 0x3100 || c > 0xf000 ? 1 : 7) {
        growing_text t = {0};
        add_character(&t, c);
        size_t length = t.size, found = white_space_at(t.bytes, t.size);
        free(t.bytes);
        if (!found && !has(c)) continue;
        assert_int_equal(found, c == 0xb || c == 0x85 ? 0 : length);
        if (found == 0) continue;
        assert_int_equal(encode_between(model, c, ids), expected);
        assert_memory_equal(ids, spaced, (size_t)expected * sizeof *ids);
    }
    sentencepiece_close(model);
}

// Words of strange characters, some far longer than a block, with each white space between them; at each place, for what is
// cut lies elsewhere each time.
static void long_lines(void **state) {
    (void)state;
    static const char *const pieces[] = {"e\xcc\x81", "\xe4\xb8\x80\xe4\xb8\x83",
        "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", "\xef\xb7\xba", "1984", "\xff\xc3", "\xcc\x88",
        "reading", "\xef\xbd\xb6\xef\xbe\x9e", "\x01", "\xe2\x96\x81", "caf\xc3\xa9"};
    enum { PIECES = sizeof pieces / sizeof *pieces };
    piece_model *model = usual_model();
    growing_text t = {0};
    uint32_t x = 1;
    for (int line = 0; line < 6; line++) {
        int words = line % 3 == 0 ? 3 : 400, longest = line % 3 == 0 ? 9000 : line % 3 == 1 ? 20 : 600;
        for (int w = 0; w < words; w++) {
            x = x * 1664525u + 1013904223u;
            for (int k = (int)((x >> 8) % (unsigned)longest); k > 0; k--) {
                x = x * 1664525u + 1013904223u;
                add_text(&t, pieces[(x >> 20) % PIECES]);
            }
            uint32_t space = white_space[(x >> 12) % (sizeof white_space / sizeof *white_space)];
            add_character(&t, space == '\n' ? ' ' : space);
            if (x >> 28 == 0) add_text(&t, "\xcc\x81"); // a mark with nothing but white space to stand on
        }
        add_text(&t, "\n");
    }
    assert_as_whole_lines(model, &t);
    free(t.bytes);
    sentencepiece_close(model);
}

// Lines in which only the wide space parts words, and one without any: what decodes is what was written.
static void wide_spaces_come_back(void **state) {
    (void)state;
    piece_model *model = usual_model();
    growing_text t = {0};
    for (int i = 0; i < 30000; i++) {
        if (i % 50 == 49) add_text(&t, "\xe3\x80\x80");
        add_character(&t, 0x4e00 + (uint32_t)(i * 7 + i / 13) % 40);
    }
    for (int i = 0; i < 10000; i++) add_character(&t, 0x4e00 + (uint32_t)i % 39);
    add_text(&t, "\n");
    assert_as_whole_lines(model, &t);
    dataset d = {.vocab_size = sentencepiece_vocab_size(model)};
    snprintf(d.directory, sizeof d.directory, "%s", scratch);
    snprintf(d.tokenizer.model_path, sizeof d.tokenizer.model_path, "%s", at("model"));
    char *back = decode_split(&d, "train"), *from = t.bytes;
    for (char *to = back; *to; to++, from += *from == '\xe3' ? 3 : 1)
        assert_int_equal(*to, *from == '\xe3' ? ' ' : *from);
    assert_string_equal(from, "\n");
    free(back);
    free(t.bytes);
    sentencepiece_close(model);
}

// Where words are so long that the model has no piece for a space, unknown pieces run together over it.
static void a_space_that_is_unknown(void **state) {
    (void)state;
    growing_text t = {0};
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 4000; k++)
            add_text(&t, (char[]){"abcdefghijklmnopqrst"[(i * k + k * k / 7) % 20], 0});
        add_text(&t, "\n");
    }
    piece_model *model = train_on(t.bytes, 40);
    assert_false(sentencepiece_knows_space(model));
    t.size = 0;
    for (int line = 0; line < 40; line++) {
        for (int k = 0; k < 9000; k++) add_text(&t, k % 2 ? "\xc3\xa9" : line % 2 ? " " : "a");
        for (int k = 0; k < 3000; k++) add_text(&t, k % 3 ? "\xc3\xa9" : " ");
        add_text(&t, " \n\xc3\xa9 \xc3\xa9 x\n");
    }
    assert_as_whole_lines(model, &t);
    free(t.bytes);
    sentencepiece_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_is_what_the_library_takes_for_it),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(wide_spaces_come_back),
        cmocka_unit_test(a_space_that_is_unknown),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
