// Likelihoods through the public interface: what sigmoe_model_logits says of each token, for every variant and across the borders
// of segments; the same bits whatever the passages beside one and the threads; and passages that make no sense.
#include "sigmoe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include <cmocka.h>

#include "text_models.h"

// Segments have 7 tokens, and a token sees at most 2 of them before its own: many of these texts are longer.
#define LONG "abc def fade cab decaf bed a bad face\nad"
static const char *const texts[][2] = {
    {"", "a"},
    {"abc", "d"},
    {"abc", "def abc fed"},
    {"abc", "d\n"},
    {"abc de", "f"},
    {"abc def", " abc"},
    {"abc defa", " abc"},
    {"", "abc def abcdefabcdefabcdefabcdefabcdefabcdef"},
    {LONG, " a"},
    {LONG, " bad"},
    {LONG, " decaf decaf decaf decaf decaf"},
    {LONG "a", "b"},
    {LONG " a face\n", "fed"},
    {LONG " a face\nfed a", "b"},
    {"a", ""},
    {"", ""},
    {"abc", "d"},
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void passages_of(const char *const (*pairs)[2], int count, sigmoe_passage *out) {
    for (int i = 0; i < count; i++)
        out[i] = (sigmoe_passage){pairs[i][0], strlen(pairs[i][0]), pairs[i][1], strlen(pairs[i][1]), i + 1};
}

static sigmoe_status judge(
    sigmoe_model *model, const sigmoe_passage *passages, int64_t count, sigmoe_likelihood *results) {
    sigmoe_likelihood_request r;
    sigmoe_likelihood_defaults(&r);
    r.passages = passages;
    r.count = count;
    return sigmoe_likelihoods(model, &r, NULL, results);
}

static int ids_of(const char *text, int32_t *ids) {
    int count = 0;
    for (; *text; text++) ids[count++] = (int32_t)(strchr(alphabet, *text) - alphabet);
    return count;
}

// By the logits of the whole text.
static sigmoe_likelihood expected(sigmoe_model *model, const char *context, const char *continuation) {
    static float logits[200 * VOCABULARY];
    int32_t ids[200];
    int before = ids_of(*context ? context : "\n", ids), count = before + ids_of(continuation, ids + before);
    sigmoe_likelihood result = {.tokens = count - before, .greedy = true};
    sigmoe_model_reset(model);
    ok(sigmoe_model_logits(model, ids, 1, count, logits));
    for (int i = before; i < count; i++) {
        const float *row = logits + (i - 1) * VOCABULARY;
        double sum = 0;
        int best = 0;
        for (int v = 0; v < VOCABULARY; v++) {
            sum += exp((double)row[v]);
            if (row[v] > row[best]) best = v;
        }
        result.nats += log(sum) - (double)row[ids[i]];
        result.greedy &= best == ids[i];
    }
    return result;
}

static void compare(const sigmoe_likelihood *found, const sigmoe_likelihood *wanted, int block, int text) {
    double difference = fabs(found->nats - wanted->nats);
    if (!(difference <= 1e-5 * fabs(wanted->nats)) || found->tokens != wanted->tokens ||
        found->greedy != wanted->greedy)
        fail_msg("block %d, text %d: %.9g nats of %d tokens, greedy %d, but %.9g of %d, greedy %d", block,
            text, found->nats, (int)found->tokens, found->greedy, wanted->nats, (int)wanted->tokens,
            wanted->greedy);
}

static void what_the_logits_say(void **state) {
    (void)state;
    sigmoe_passage passages[TEXTS];
    sigmoe_likelihood results[TEXTS];
    passages_of(texts, TEXTS, passages);
    int greedy = 0;
    for (int b = 0; b < BLOCKS; b++) {
        sigmoe_model *model = bytes_model(blocks[b], 2);
        ok(judge(model, passages, TEXTS, results));
        for (int i = 0; i < TEXTS; i++) {
            sigmoe_likelihood wanted = expected(model, texts[i][0], texts[i][1]);
            compare(&results[i], &wanted, b, i);
            greedy += results[i].greedy && results[i].tokens > 0;
        }
        sigmoe_model_free(model);
    }
    assert_true(greedy > 0);
}

// A continuation that generation makes is greedy, and with its last token changed it is not.
static void greedy_texts(void **state) {
    (void)state;
    static const char *const prompts[] = {LONG};
    sigmoe_model *model = bytes_model(blocks[3], 1);
    sigmoe_generate_request r;
    sigmoe_generation made;
    sigmoe_passage p = {.context = LONG, .context_size = strlen(LONG)};
    sigmoe_likelihood result;
    sigmoe_generate_defaults(&r);
    r.prompts = prompts;
    r.prompt_count = 1;
    r.max_tokens = 3;
    r.temperature = 0;
    ok(sigmoe_generate(model, &r, NULL, &made));
    p.continuation = made.text;
    p.continuation_size = made.size;
    ok(judge(model, &p, 1, &result));
    assert_true(result.greedy && result.tokens == 3);
    made.text[2] = made.text[2] == 'a' ? 'b' : 'a';
    ok(judge(model, &p, 1, &result));
    assert_false(result.greedy);
    sigmoe_free(made.text);
    sigmoe_model_free(model);
}

static void same_bits_whatever_is_beside_it(void **state) {
    (void)state;
    sigmoe_passage passages[TEXTS], reversed[TEXTS];
    sigmoe_likelihood alone[TEXTS], results[TEXTS];
    passages_of(texts, TEXTS, passages);
    for (int i = 0; i < TEXTS; i++) reversed[i] = passages[TEXTS - 1 - i];
    for (int b = 0; b < BLOCKS; b++) {
        for (int threads = 1; threads < 4; threads++) {
            sigmoe_model *model = bytes_model(blocks[b], threads);
            for (int i = 0; threads == 1 && i < TEXTS; i++) ok(judge(model, &passages[i], 1, &alone[i]));
            ok(judge(model, passages, TEXTS, results));
            for (int i = 0; i < TEXTS; i++) {
                assert_memory_equal(&results[i].nats, &alone[i].nats, sizeof(double));
                assert_int_equal(results[i].greedy, alone[i].greedy);
            }
            ok(judge(model, reversed, TEXTS, results));
            for (int i = 0; i < TEXTS; i++)
                assert_memory_equal(&results[TEXTS - 1 - i].nats, &alone[i].nats, sizeof(double));
            sigmoe_model_free(model);
        }
        assert_memory_equal(&alone[1].nats, &alone[16].nats, sizeof(double));
    }
}

typedef struct listener {
    double total, done;
    int calls;
    sigmoe_flag stop;
} listener;

static void on_progress(void *context, const sigmoe_progress *progress) {
    listener *l = context;
    assert_true(progress->done >= l->done && progress->done <= progress->total);
    l->total = progress->total;
    l->done = progress->done;
    l->calls++;
}

static void progress_reaches_the_end(void **state) {
    (void)state;
    sigmoe_passage passages[TEXTS];
    sigmoe_likelihood results[TEXTS];
    sigmoe_observer observer;
    sigmoe_likelihood_request r;
    listener l = {0};
    sigmoe_model *model = bytes_model(blocks[0], 1);
    passages_of(texts, TEXTS, passages);
    sigmoe_likelihood_defaults(&r);
    r.passages = passages;
    r.count = TEXTS;
    sigmoe_observer_defaults(&observer);
    observer.progress = on_progress;
    observer.context = &l;
    observer.stop = &l.stop;
    ok(sigmoe_likelihoods(model, &r, &observer, results));
    assert_true(l.calls > 0 && l.done == l.total);
    sigmoe_flag_set(&l.stop, 1);
    l.done = 0;
    assert_int_equal(sigmoe_likelihoods(model, &r, &observer, results), SIGMOE_INTERRUPTED);
    sigmoe_model_free(model);
}

static void wrong_requests(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"abc", "d"}, {"abz", "d"}};
    sigmoe_model *model = bytes_model(blocks[0], 1), *mute = make_model(blocks[0], "{\"type\": \"none\"}", 1);
    sigmoe_passage passages[2];
    sigmoe_likelihood results[2];
    sigmoe_likelihood_request r;
    passages_of(pairs, 2, passages);
    refuses(judge(mute, passages, 1, results), "no tokenizer");
    refuses(judge(model, passages, 2, results), "passage 2: \"context\": byte 0x7a (z), at offset 2");
    refuses(judge(model, passages + 1, 1, results), "\"context\": byte 0x7a (z)");
    refuses(judge(model, passages, -1, results), "there are -1 passages");
    refuses(judge(model, NULL, 1, results), "there are 1 passages");
    passages[0].continuation = NULL;
    refuses(judge(model, passages, 1, results), "needs a continuation");
    ok(judge(model, NULL, 0, results));
    memset(&r, 0, sizeof r);
    refuses(sigmoe_likelihoods(model, &r, NULL, results), "sigmoe_likelihood_defaults");
    // In a file it is the file that is wrong.
    sigmoe_likelihood_defaults(&r);
    r.passages = passages + 1;
    r.count = 1;
    r.file = "x.jsonl";
    assert_int_equal(sigmoe_likelihoods(model, &r, NULL, results), SIGMOE_BAD_FORMAT);
    assert_non_null(strstr(sigmoe_message(), "x.jsonl, line 2: \"context\": byte 0x7a"));
    sigmoe_model_free(model);
    sigmoe_model_free(mute);
    // Where the model does not know what stands before a document.
    model = make_model(
        blocks[0], "{\"type\": \"bytes\", \"alphabet\": [32, 97, 98, 99, 100, 101, 102, 103, 104]}", 1);
    passages_of(pairs, 1, passages);
    ok(judge(model, passages, 1, results));
    passages[0].context = NULL;
    refuses(judge(model, passages, 1, results), "follows a newline, which the model does not know");
    sigmoe_model_free(model);
}

static void short_memory(void **state) {
    (void)state;
    sigmoe_passage passages[TEXTS];
    sigmoe_likelihood results[TEXTS];
    sigmoe_status status = SIGMOE_NO_MEMORY;
    int failures = -1;
    passages_of(texts, TEXTS, passages);
    for (int64_t successes = 0; status != SIGMOE_OK; successes++, failures++) {
        sigmoe_model *model = bytes_model(blocks[3], 1);
        arena_fail_after(successes);
        status = judge(model, passages, 4, results);
        arena_fail_after(-1);
        assert_true(status == SIGMOE_OK || status == SIGMOE_NO_MEMORY);
        sigmoe_model_free(model);
    }
    assert_true(failures > 50);
}

// ---------------------------------------------------------------- passages of a text

static void is_wrong(const char *text, size_t size, const char *sentence) {
    sigmoe_passages *passages;
    assert_int_equal(sigmoe_passages_read("x.jsonl", text, size, &passages), SIGMOE_BAD_FORMAT);
    if (!strstr(sigmoe_message(), sentence)) fail_msg("\"%s\" is not in: %s", sentence, sigmoe_message());
}

static void says(const char *text, const char *sentence) {
    is_wrong(text, strlen(text), sentence);
}

static void wrong_lines(void **state) {
    (void)state;
    says("{\"text\": \"a\"}\n\n{\"text\": 1}", "x.jsonl, line 3: \"text\" must be a text");
    says("{\"context\": \"a\"}", "x.jsonl, line 1: there is no \"continuation\", and no \"text\"");
    says("{\"context\": null, \"continuation\": \"a\"}", "\"context\" must be a text");
    says("{\"context\": [\"a\"], \"continuation\": \"a\"}", "\"context\" must be a text");
    says("{\"text\": \"a\", \"continuation\": \"a\"}", "leave one out");
    says("{\"contxt\": \"a\", \"continuation\": \"a\"}",
        "unknown member \"contxt\"; did you mean \"context\"?");
    says("{\"context\": \"a\", \"Continuation\": \"a\"}", "did you mean \"continuation\"?");
    says("{\"text\": \"a\", \"text\": \"b\"}", "duplicate");
    says("[\"a\", \"b\"]", "an object is needed");
    says("\"a\"", "an object is needed");
    says("{\"text\": \"a\"", "x.jsonl, line 1: column");
    says("{\"text\": \"a\"} x", "x.jsonl, line 1: column");
    says("{\"text\": \"\\ud800\"}", "column");
    says("{\"text\": \"\xff\"}", "column");
    is_wrong("{\"text\": \"\0\"}", 13, "column");
    char deep[400];
    memset(deep, '[', sizeof deep);
    is_wrong(deep, sizeof deep, "nested");
    enum { MANY = 200000 };
    char *many = malloc(MANY);
    memset(many, ',', MANY);
    is_wrong(many, MANY, "x.jsonl, line 1: more than 65536 JSON values");
    free(many);
}

static void lines_become_passages(void **state) {
    (void)state;
    static const char text[] =
        "{\"continuation\": \"b\\u0000\", \"context\": \"a\", \"id\": 7, \"answers\": [1, {}]}\n"
        " \t\r\n{\"text\": \"c\\n\"}\r\n{\"continuation\": \"\"}"; // no newline at the end
    sigmoe_passages *passages;
    int64_t count;
    ok(sigmoe_passages_read("x.jsonl", text, sizeof text - 1, &passages));
    const sigmoe_passage *p = sigmoe_passages_list(passages, &count);
    assert_int_equal(count, 3);
    assert_int_equal(p[0].context_size, 1);
    assert_memory_equal(p[0].context, "a", 1);
    assert_int_equal(p[0].continuation_size, 2);
    assert_memory_equal(p[0].continuation, "b\0", 2);
    assert_int_equal(p[0].line, 1);
    assert_int_equal(p[1].context_size, 0);
    assert_int_equal(p[1].continuation_size, 2);
    assert_int_equal(p[1].line, 3);
    assert_int_equal(p[2].continuation_size, 0);
    assert_int_equal(p[2].line, 4);
    sigmoe_passages_free(passages);
    ok(sigmoe_passages_read("x.jsonl", "\xef\xbb\xbf{\"text\": \"a\"}", 16, &passages));
    p = sigmoe_passages_list(passages, &count);
    assert_int_equal(count, 1);
    assert_int_equal(p[0].line, 1);
    sigmoe_passages_free(passages);
    ok(sigmoe_passages_read("x.jsonl", "", 0, &passages));
    sigmoe_passages_list(passages, &count);
    assert_int_equal(count, 0);
    sigmoe_passages_free(passages);
    sigmoe_passages_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_logits_say),
        cmocka_unit_test(greedy_texts),
        cmocka_unit_test(same_bits_whatever_is_beside_it),
        cmocka_unit_test(progress_reaches_the_end),
        cmocka_unit_test(wrong_requests),
        cmocka_unit_test(short_memory),
        cmocka_unit_test(wrong_lines),
        cmocka_unit_test(lines_become_passages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
