// The tokenizer itself: what it learns, that text comes back, that pieces may be cut at white space, damaged models.
#include "prepare/train_sentencepiece.h"
#include "prepare/small_corpus.h"

#include "prepare/train_apart.h"
#include "prepare/word_cache.h"
#include "sanitizers.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct lines_left {
    const char *rest;
    int given;
    int fails_at; // -1: never
} lines_left;

static sigmoe_status next_line(void *context, const char **bytes, size_t *size) {
    lines_left *l = context;
    if (l->given == l->fails_at) return (fail)(SIGMOE_IO, "the disk is gone");
    l->given++;
    *bytes = *l->rest ? l->rest : NULL;
    *size = strcspn(l->rest, "\n");
    l->rest += *size + (l->rest[*size] == '\n');
    return SIGMOE_OK;
}

static sigmoe_status train_on(const char *text, int64_t vocab_size, const char *path) {
    lines_left lines = {text, 0, -1};
    return sentencepiece_train(&(sentencepiece_input){next_line, &lines}, "it", vocab_size, path);
}

static piece_model *trained(int64_t vocab_size) {
    piece_model *model;
    char *text = make_lines(300, 1);
    if (train_on(text, vocab_size, at("model")) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_int_equal(sentencepiece_open(at("model"), &model), SIGMOE_OK);
    free(text);
    return model;
}

static int64_t encode(
    const piece_model *model, const char *text, size_t size, int32_t *ids, int64_t capacity) {
    int64_t count = -1;
    if (sentencepiece_encode(model, text, size, ids, capacity, &count) != SIGMOE_OK)
        fail_msg("%s", sigmoe_message());
    return count;
}

static void learns_and_gives_back(void **state) {
    (void)state;
    piece_model *model = trained(80);
    assert_int_equal(sentencepiece_vocab_size(model), 80);
    const char *text = "the reader of caf\xc3\xa9 letters, 1984";
    int32_t ids[200];
    char back[200];
    size_t size;
    int64_t count = encode(model, text, strlen(text), ids, 200);
    assert_int_equal(sentencepiece_decode(model, ids, count, back, sizeof back, &size), SIGMOE_OK);
    assert_string_equal(back, text);
    assert_int_equal(size, strlen(text));
    // Digits stay apart.
    int digits = 0;
    for (int64_t i = 0; i < count; i++) {
        const char *piece = sentencepiece_piece(model, ids[i]);
        size_t in_piece = 0;
        for (const char *c = piece; *c; c++) in_piece += *c >= '0' && *c <= '9';
        assert_true(in_piece <= 1);
        digits += (int)in_piece;
    }
    assert_int_equal(digits, 4);
    // What does not fit is cut, and said.
    assert_int_equal(sentencepiece_decode(model, ids, count, back, 4, &size), SIGMOE_OK);
    assert_string_equal(back, "the");
    assert_int_equal(size, strlen(text));
    int64_t none;
    assert_int_equal(sentencepiece_encode(model, text, strlen(text), ids, 2, &none), SIGMOE_BAD_FORMAT);
    assert_int_equal(
        sentencepiece_decode(model, &(int32_t){80}, 1, back, sizeof back, &size), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(
        sentencepiece_decode(model, &(int32_t){-1}, 1, back, sizeof back, &size), SIGMOE_BAD_ARGUMENT);
    assert_string_equal(sentencepiece_piece(model, 80), "");
    assert_int_equal(encode(model, "", 0, ids, 200), 0);
    assert_int_equal(encode(model, " \n ", 3, ids, 200), 0);
    sentencepiece_close(model);
}

// The whole pipeline rests on it: a text cut at white space, any, gives the tokens of the text in one piece.
static void cut_at_white_space(void **state) {
    (void)state;
    piece_model *model = trained(80);
    static const char *const texts[] = {
        "the reader of caf\xc3\xa9  letters\n\nwas 1984 \t reading\r\nbooks<STORY_SEP>",
        " e\xcc\x81 \xcc\x81 x \xe2\x84\xa2 \xef\xb7\xba \xe2\x96\x81 a \xff\xfe b \xc2\xa0 c \xe3\x80\x80 d",
    };
    for (size_t k = 0; k < 2; k++) {
        const char *text = texts[k];
        int32_t whole[400], parts[400];
        int64_t count = encode(model, text, strlen(text), whole, 400);
        assert_true(count > 10);
        for (size_t cut = 0; text[cut]; cut++) {
            if (!strchr(" \t\n\r", text[cut])) continue;
            int64_t first = encode(model, text, cut, parts, 400);
            int64_t second = encode(model, text + cut, strlen(text + cut), parts + first, 400 - first);
            assert_int_equal(first + second, count);
            assert_memory_equal(parts, whole, (size_t)count * sizeof *whole);
        }
    }
    sentencepiece_close(model);
}

// Words that repeat, more different ones than are remembered, long ones, strange ones: as the library has whole lines.
static void words_remembered(void **state) {
    (void)state;
    enum { NUMBERS = 70000, CAPACITY = 4000 };
    piece_model *model = trained(80);
    word_cache *cache;
    arena *a;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(word_cache_create(model, a, &cache), SIGMOE_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NUMBERS; i += 50) {
            char line[1000], *end = line;
            static int32_t whole[CAPACITY], words[CAPACITY];
            for (int k = 0; k < 50; k++)
                end += sprintf(end, k % 7 ? "%x " : "the%d\t ", (unsigned)(i + k) * 40503u);
            if (i % 1000 == 0)
                end += sprintf(end, "  readingreadingreadingreading caf\xc3\xa9 e\xcc\x81 \xef\xb7\xba \x01 "
                                    "\xff 123456789012");
            int64_t count, expected = encode(model, line, (size_t)(end - line), whole, CAPACITY);
            assert_int_equal(
                word_cache_encode(cache, line, (size_t)(end - line), words, CAPACITY, &count), SIGMOE_OK);
            assert_int_equal(count, expected);
            assert_memory_equal(words, whole, (size_t)count * sizeof *whole);
            assert_int_equal(
                word_cache_encode(cache, line, (size_t)(end - line), words, expected - 1, &count),
                SIGMOE_BAD_FORMAT);
        }
    arena_destroy(a);
    sentencepiece_close(model);
}

static void longest_expansion(void **state) {
    (void)state;
    piece_model *model = trained(80);
    char text[300];
    static int32_t ids[6 * 300 + 2];
    for (int i = 0; i < 100; i++) memcpy(text + 3 * i, "\xef\xb7\xba", 3); // 18 characters of one
    assert_true(encode(model, text, sizeof text, ids, sentencepiece_most_ids(sizeof text)) > 0);
    sentencepiece_close(model);
}

static void same_model_each_time(void **state) {
    (void)state;
    size_t first_size, second_size;
    sentencepiece_close(trained(90));
    unsigned char *first = get_file(at("model"), &first_size);
    sentencepiece_close(trained(90));
    unsigned char *second = get_file(at("model"), &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
}

static void vocabularies_that_text_cannot_give(void **state) {
    (void)state;
    piece_model *model = trained(8000);
    assert_in_range(sentencepiece_vocab_size(model), 50, 500);
    sentencepiece_close(model);
    // The ten letters, the mark of a space, and the library's own three.
    for (int64_t size = 1; size < 14; size++) {
        assert_int_equal(train_on("abcdefghij\n", size, at("small")), SIGMOE_BAD_ARGUMENT);
        assert_message_has("on it: it has so many characters that it needs at least 14 tokens");
    }
    assert_int_equal(train_on("abcdefghij\n", 14, at("least")), SIGMOE_OK);
    // What is the text's fault.
    assert_int_equal(train_on("", 100, at("small")), SIGMOE_BAD_FORMAT);
    assert_message_has("it has no sentence to train a tokenizer on");
    assert_int_equal(train_on("a\xe2\x96\x85\n\xe2\x96\x85\n", 100, at("small")), SIGMOE_BAD_FORMAT);
    assert_message_has("on it: in each of its lines is U+2585");
    assert_false(path_exists(at("small")));
}

static void failures_of_the_input(void **state) {
    (void)state;
    for (int when = 0; when < 4; when += 3) {
        lines_left lines = {"a b\nc d\ne f\ng h\n", 0, when};
        assert_int_equal(
            sentencepiece_train(&(sentencepiece_input){next_line, &lines}, "it", 50, at("small")), SIGMOE_IO);
        assert_string_equal(sigmoe_message(), "the disk is gone");
    }
    assert_false(path_exists(at("small")));
    char *text = make_lines(50, 2);
    assert_int_equal(train_on(text, 60, at("missing/model")), SIGMOE_IO);
    free(text);
}

// ---------------------------------------------------------------- in a process of its own

typedef struct watched {
    lines_left lines; // first: next_line takes the struct for it
    int waited;
} watched;

static sigmoe_status wait_on(void *context) {
    ((watched *)context)->waited++;
    return SIGMOE_OK;
}

static sigmoe_status stop_now(void *context) {
    ((watched *)context)->waited++;
    return (fail)(SIGMOE_INTERRUPTED, "enough");
}

static sigmoe_status train_watched(
    watched *w, sigmoe_status (*waiting)(void *), const char *text, int64_t vocab_size, const char *path) {
    w->lines = (lines_left){text, 0, w->lines.fails_at};
    w->waited = 0;
    sigmoe_status status = train_apart(&(sentencepiece_input){next_line, w}, waiting, "it", vocab_size, path);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child is left
    return status;
}

static void trains_apart(void **state) {
    (void)state;
    if (THREAD_SANITIZED) skip(); // it has a thread of its own, beside which nothing runs apart
    watched w = {.lines.fails_at = -1};
    char *text = make_lines(3000, 5); // more than the buffers hold
    size_t here_size, apart_size;
    assert_int_equal(train_on(text, 80, at("here")), SIGMOE_OK);
    if (train_watched(&w, wait_on, text, 80, at("apart")) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_true(w.waited > 0);
    unsigned char *here = get_file(at("here"), &here_size), *apart = get_file(at("apart"), &apart_size);
    assert_int_equal(here_size, apart_size);
    assert_memory_equal(here, apart, here_size);
    free(here), free(apart);
    // Its failures come through as if it were here, and those of the input.
    assert_int_equal(train_watched(&w, wait_on, "abcdefghij\n", 5, at("small")), SIGMOE_BAD_ARGUMENT);
    assert_message_has("needs at least 14 tokens");
    assert_int_equal(train_watched(&w, wait_on, "", 50, at("small")), SIGMOE_BAD_FORMAT);
    assert_int_equal(train_watched(&w, wait_on, text, 60, at("missing/model")), SIGMOE_IO);
    assert_message_has("missing/model");
    w.lines.fails_at = 4;
    assert_int_equal(train_watched(&w, wait_on, text, 50, at("small")), SIGMOE_IO);
    assert_string_equal(sigmoe_message(), "the disk is gone");
    assert_false(path_exists(at("small")));
    free(text);
}

static void stopped_while_it_trains(void **state) {
    (void)state;
    if (THREAD_SANITIZED) skip();
    watched w = {.lines.fails_at = -1};
    char *text = make_lines(3000, 5);
    assert_int_equal(train_watched(&w, stop_now, text, 80, at("stopped")), SIGMOE_INTERRUPTED);
    assert_string_equal(sigmoe_message(), "enough");
    assert_int_equal(w.waited, 1);
    free(text);
}

static void *sleep_on(void *pipe) {
    char byte;
    ssize_t got = read(*(int *)pipe, &byte, 1);
    return got < 0 ? pipe : NULL;
}

// Where a fork would not be safe, the model is the same.
static void beside_other_threads(void **state) {
    (void)state;
    watched w = {.lines.fails_at = -1};
    pthread_t other;
    int ends[2];
    char *text = make_lines(300, 1);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&other, NULL, sleep_on, &ends[0]), 0);
    sigmoe_status status = train_watched(&w, stop_now, text, 80, at("threads"));
    close(ends[1]);
    pthread_join(other, NULL);
    close(ends[0]);
    assert_int_equal(status, SIGMOE_OK);
    assert_int_equal(w.waited, 0);
    assert_true(path_exists(at("threads")));
    free(text);
}

// ---------------------------------------------------------------- the model's file

static void damaged_models(void **state) {
    (void)state;
    piece_model *model = trained(80);
    sentencepiece_close(model);
    size_t size;
    unsigned char *bytes = get_file(at("model"), &size);
    for (size_t cut = 0; cut < size; cut += size / 20 + 1) {
        put_file(at("damaged"), bytes, cut);
        assert_int_equal(sentencepiece_open(at("damaged"), &model), SIGMOE_BAD_FORMAT);
        assert_message_has("damaged is no SentencePiece model, or damaged");
    }
    free(bytes);
    put_text(at("damaged"), "this is no model");
    assert_int_equal(sentencepiece_open(at("damaged"), &model), SIGMOE_BAD_FORMAT);
    assert_int_equal(sentencepiece_open(at("missing"), &model), SIGMOE_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_gives_back),
        cmocka_unit_test(cut_at_white_space),
        cmocka_unit_test(words_remembered),
        cmocka_unit_test(longest_expansion),
        cmocka_unit_test(same_model_each_time),
        cmocka_unit_test(vocabularies_that_text_cannot_give),
        cmocka_unit_test(failures_of_the_input),
        cmocka_unit_test(trains_apart),
        cmocka_unit_test(stopped_while_it_trains),
        cmocka_unit_test(beside_other_threads),
        cmocka_unit_test(damaged_models),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
