// Text to tokens and back: what the tokens say is the text, and what has no token is refused by name.
#include "data/text_codec.h"

#include "prepare/small_corpus.h"
#include "prepare/train_sentencepiece.h"

static arena *memory;

static void ok(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

static void refuses(sigmoe_status status, const char *sentence) {
    assert_int_equal(status, SIGMOE_BAD_ARGUMENT);
    if (!strstr(sigmoe_message(), sentence)) fail_msg("\"%s\" is not in: %s", sentence, sigmoe_message());
}

// The text of all tokens of `text`.
static char *there_and_back(const text_codec *c, const char *text, int64_t *count) {
    int32_t *ids;
    static char back[1000];
    size_t used = 0, size;
    ok(text_codec_encode(c, text, strlen(text), memory, &ids, count));
    for (int64_t i = 0; i < *count; i++) {
        const char *bytes = text_codec_bytes(c, ids[i], &size);
        memcpy(back + used, bytes, size);
        used += size;
    }
    back[used] = '\0';
    return back;
}

static void bytes(void **state) {
    (void)state;
    tokenizer t = {.type = TOKENIZER_BYTES, .alphabet_size = 5, .alphabet = {0, '\n', 'a', 'z', 0xc3}};
    text_codec *c;
    int64_t count;
    int32_t *ids, beginning;
    ok(text_codec_open(&t, 5, &c));
    assert_string_equal(there_and_back(c, "zaa\n\xc3z", &count), "zaa\n\xc3z");
    assert_int_equal(count, 6);
    ok(text_codec_encode(c, "a\0z", 3, memory, &ids, &count));
    assert_int_equal(count, 3);
    assert_true(ids[0] == 2 && ids[1] == 0 && ids[2] == 3);
    ok(text_codec_encode(c, "", 0, memory, &ids, &count));
    assert_int_equal(count, 0);
    ok(text_codec_beginning(c, &beginning));
    assert_int_equal(beginning, 1);
    assert_false(text_codec_has_words(c));
    refuses(text_codec_encode(c, "aab", 3, memory, &ids, &count), "byte 0x62 (b), at offset 2");
    refuses(text_codec_encode(c, "\xff", 1, memory, &ids, &count), "byte 0xff, at offset 0");
    text_codec_close(c);
    refuses(text_codec_open(&t, 6, &c), "6 tokens, but its alphabet has 5 bytes");
    t.alphabet[1] = '\t';
    ok(text_codec_open(&t, 5, &c));
    refuses(text_codec_beginning(c, &beginning), "a newline, which the model does not know");
    text_codec_close(c);
    t.type = TOKENIZER_NONE;
    refuses(text_codec_open(&t, 5, &c), "no tokenizer");
}

static sigmoe_status next_line(void *context, const char **line, size_t *size) {
    const char **rest = context;
    *line = **rest ? *rest : NULL;
    *size = strcspn(*rest, "\n");
    *rest += *size + ((*rest)[*size] == '\n');
    return SIGMOE_OK;
}

static void pieces(void **state) {
    (void)state;
    char *lines = make_lines(300, 1);
    const char *rest = lines;
    tokenizer t = {.type = TOKENIZER_SENTENCEPIECE};
    text_codec *c;
    int64_t count;
    int32_t *ids, beginning;
    size_t size;
    snprintf(t.model_path, sizeof t.model_path, "%s", at("model"));
    ok(sentencepiece_train(&(sentencepiece_input){next_line, &rest}, "it", 80, t.model_path));
    free(lines);
    ok(text_codec_open(&t, 80, &c));
    assert_true(text_codec_has_words(c));
    // Each word has its space, the first one, too.
    assert_string_equal(
        there_and_back(c, "the caf\xc3\xa9 reader, 1984", &count), " the caf\xc3\xa9 reader, 1984");
    assert_string_equal(there_and_back(c, " \n the  of\n", &count), " the of");
    assert_string_equal(there_and_back(c, "the \xe2\x98\x83", &count), " the  \xe2\x81\x87 ");
    ok(text_codec_encode(c, " \n ", 3, memory, &ids, &count));
    assert_int_equal(count, 0);
    ok(text_codec_beginning(c, &beginning));
    assert_memory_equal(text_codec_bytes(c, beginning, &size), " ", 1);
    assert_int_equal(size, 1);
    // SentencePiece's own control tokens, <s> and </s>, say nothing.
    (void)text_codec_bytes(c, 1, &size);
    assert_int_equal(size, 0);
    text_codec_close(c);
    refuses(text_codec_open(&t, 81, &c), "81 tokens, but");
    t.model_path[0] = '\0';
    refuses(text_codec_open(&t, 80, &c), "tokenizer.model is missing");
}

static void short_memory(void **state) {
    (void)state;
    tokenizer t = {.type = TOKENIZER_BYTES, .alphabet_size = 2, .alphabet = {'a', 'b'}};
    text_codec *c;
    sigmoe_status status = SIGMOE_NO_MEMORY;
    int failures = -1;
    for (int64_t successes = 0; status != SIGMOE_OK; successes++, failures++) {
        arena_fail_after(successes);
        status = text_codec_open(&t, 2, &c);
        arena_fail_after(-1);
        assert_true(status == SIGMOE_OK || status == SIGMOE_NO_MEMORY);
    }
    assert_true(failures >= 3);
    text_codec_close(c);
}

static int set_up(void **state) {
    return scratch_setup(state) || arena_create("test", &memory) != SIGMOE_OK;
}

static int tear_down(void **state) {
    arena_destroy(memory);
    return scratch_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(pieces),
        cmocka_unit_test(short_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
