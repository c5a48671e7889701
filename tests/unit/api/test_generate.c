// Generation through the public interface: greedily what sigmoe_model_logits says, token by token; the same text whatever the
// threads and the prompts beside it; and requests that make no sense.
#include "sigmoe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include <cmocka.h>

#include "text_models.h"

enum { LENGTH = 40 };

static sigmoe_generate_request request_for(const char *const *prompts, int64_t count) {
    sigmoe_generate_request r;
    sigmoe_generate_defaults(&r);
    r.prompts = prompts;
    r.prompt_count = count;
    r.max_tokens = LENGTH;
    r.seed = 8;
    return r;
}

static float penalized(float logit, const int32_t *ids, int count, int token, double penalty) {
    for (int i = 0; i < count; i++)
        if (ids[i] == token) return (float)(logit > 0 ? logit / penalty : logit * penalty);
    return logit;
}

// The most probable continuation by feeding the whole text again for each token.
static void expect_greedy(sigmoe_model *model, const char *prompt, double penalty, char *text) {
    int32_t ids[100];
    float logits[100 * VOCABULARY];
    int count = 0;
    for (const char *p = *prompt ? prompt : "\n"; *p; p++)
        ids[count++] = (int32_t)(strchr(alphabet, *p) - alphabet);
    for (int i = 0; i < LENGTH; i++) {
        sigmoe_model_reset(model);
        ok(sigmoe_model_logits(model, ids, 1, count, logits));
        float *last = logits + (count - 1) * VOCABULARY;
        int best = 0;
        for (int v = 0; v < VOCABULARY; v++) last[v] = penalized(last[v], ids, count, v, penalty);
        for (int v = 1; v < VOCABULARY; v++)
            if (last[v] > last[best]) best = v;
        ids[count++] = best;
        *text++ = alphabet[best];
    }
    *text = '\0';
}

// `text` with U+FFFD for each 0xc3, which nothing in the alphabet can follow.
static const char *shown(const char *text) {
    static char out[3 * LENGTH + 1];
    char *to = out;
    for (; *text; text++)
        to += sprintf(to, "%s", *text == '\xc3' ? "\xef\xbf\xbd" : (const char[]){*text, '\0'});
    return out;
}

static void greedy_is_the_most_probable(void **state) {
    (void)state;
    static const char *const prompts[] = {"abc", "", "f", "a bad cafe \n fed decade"};
    char expected[LENGTH + 1];
    for (int b = 0; b < BLOCKS; b++) {
        sigmoe_model *model = bytes_model(blocks[b], 2);
        sigmoe_generate_request r = request_for(prompts, 4);
        sigmoe_generation results[4];
        r.temperature = 0;
        ok(sigmoe_generate(model, &r, NULL, results));
        for (int i = 0; i < 4; i++) {
            expect_greedy(model, prompts[i], 1, expected);
            assert_string_equal(results[i].text, shown(expected));
            assert_int_equal(results[i].size, strlen(results[i].text));
            assert_int_equal(results[i].tokens, LENGTH);
            assert_int_equal(results[i].prompt_tokens, *prompts[i] ? (int)strlen(prompts[i]) : 1);
            assert_false(results[i].stopped);
            sigmoe_free(results[i].text);
        }
        sigmoe_model_free(model);
    }
}

// The penalty is for tokens of the prompt and of the continuation, and not for those of the prompts before it.
static void each_text_has_its_own_penalties(void **state) {
    (void)state;
    static const char *const prompts[] = {"abc", "f", "", "fed", "a bad cafe \n fed decade"};
    char expected[LENGTH + 1];
    for (int64_t batch = 1; batch <= 2; batch++) {
        sigmoe_model *model = bytes_model(blocks[0], 1);
        sigmoe_generate_request r = request_for(prompts, 5);
        sigmoe_generation results[5];
        r.temperature = 0;
        r.repetition_penalty = 3;
        r.batch = batch;
        ok(sigmoe_generate(model, &r, NULL, results));
        for (int i = 0; i < 5; i++) {
            expect_greedy(model, prompts[i], 3, expected);
            assert_string_equal(results[i].text, shown(expected));
            sigmoe_free(results[i].text);
        }
        sigmoe_model_free(model);
    }
}

// A model that was called before gives the same logits after.
static void memory_is_left_alone(void **state) {
    (void)state;
    static const char *const prompts[] = {"abc"};
    sigmoe_model *model = bytes_model(blocks[3], 1);
    const int32_t tokens[] = {1, 2, 3, 4, 5};
    float before[5 * VOCABULARY], after[5 * VOCABULARY];
    sigmoe_generation result;
    ok(sigmoe_model_logits(model, tokens, 1, 5, before));
    ok(sigmoe_model_logits(model, tokens, 1, 5, before));
    sigmoe_model_reset(model);
    ok(sigmoe_model_logits(model, tokens, 1, 5, after));
    sigmoe_generate_request r = request_for(prompts, 1);
    ok(sigmoe_generate(model, &r, NULL, &result));
    sigmoe_free(result.text);
    ok(sigmoe_model_logits(model, tokens, 1, 5, after));
    assert_memory_equal(before, after, sizeof before);
    sigmoe_model_free(model);
}

enum { MANY = 11 };
static const char *const many[MANY] = {
    "a", "bc", "", "def", "a b c d e f", "\n\n", "fade", "bed", "a", "cab", "decaf facade"};

static void same_text_whatever_is_beside_it(void **state) {
    (void)state;
    for (int b = 0; b < BLOCKS; b++) {
        char *expected[MANY];
        for (int threads = 1; threads < 4; threads++) {
            sigmoe_model *model = bytes_model(blocks[b], threads);
            for (int64_t batch = 1; batch <= 8; batch += threads == 1 ? 1 : 3) {
                sigmoe_generate_request r = request_for(many, MANY);
                sigmoe_generation results[MANY];
                r.batch = batch;
                ok(sigmoe_generate(model, &r, NULL, results));
                for (int i = 0; i < MANY; i++) {
                    if (threads == 1 && batch == 1)
                        expected[i] = strdup(results[i].text);
                    else
                        assert_string_equal(results[i].text, expected[i]);
                    sigmoe_free(results[i].text);
                }
            }
            sigmoe_model_free(model);
        }
        // Equal prompts have equal texts; others do not.
        assert_string_equal(expected[0], expected[8]);
        assert_string_not_equal(expected[0], expected[1]);
        for (int i = 0; i < MANY; i++) free(expected[i]);
    }
}

typedef struct listener {
    char text[MANY][500];
    int finished[MANY];
    int parts;
    sigmoe_flag stop;
    int stop_at;
} listener;

static void on_text(void *receiver, int64_t prompt, const char *part, size_t bytes) {
    listener *l = receiver;
    assert_int_equal(l->finished[prompt], 0);
    strncat(l->text[prompt], part, bytes);
    if (++l->parts == l->stop_at) sigmoe_flag_set(&l->stop, 1);
}

static void on_finished(void *receiver, int64_t prompt) {
    ((listener *)receiver)->finished[prompt]++;
}

static void parts_make_the_text(void **state) {
    (void)state;
    sigmoe_model *model = bytes_model(blocks[0], 2);
    sigmoe_generate_request r = request_for(many, MANY);
    sigmoe_generation results[MANY];
    static listener l;
    static const char *const stops[] = {"aa", "d"};
    r.text = on_text;
    r.finished = on_finished;
    r.receiver = &l;
    r.echo = true;
    r.stop = stops;
    r.stop_count = 2;
    ok(sigmoe_generate(model, &r, NULL, results));
    int stopped = 0;
    for (int i = 0; i < MANY; i++) {
        size_t prompt = strlen(many[i]);
        assert_string_equal(results[i].text, l.text[i]);
        assert_int_equal(l.finished[i], 1);
        assert_memory_equal(results[i].text, many[i], prompt);
        assert_null(strstr(results[i].text + prompt, "aa"));
        assert_null(strchr(results[i].text + prompt, 'd'));
        assert_true(results[i].stopped == (results[i].tokens < LENGTH));
        stopped += results[i].stopped;
        sigmoe_free(results[i].text);
    }
    assert_true(stopped > 3);
    sigmoe_model_free(model);
}

static void stops_when_asked(void **state) {
    (void)state;
    sigmoe_model *model = bytes_model(blocks[0], 1);
    sigmoe_generate_request r = request_for(many, MANY);
    sigmoe_generation results[MANY];
    sigmoe_observer observer;
    static listener l;
    l.stop_at = 20;
    sigmoe_observer_defaults(&observer);
    observer.stop = &l.stop;
    r.text = on_text;
    r.receiver = &l;
    r.batch = 2;
    assert_int_equal(sigmoe_generate(model, &r, &observer, results), SIGMOE_INTERRUPTED);
    assert_true(l.parts >= 20 && l.parts <= 24);
    for (int i = 0; i < MANY; i++) assert_null(results[i].text);
    sigmoe_model_free(model);
}

// With as much context as text nothing is forgotten; with none, a segment knows nothing of the one before.
static void context_is_what_is_seen(void **state) {
    (void)state;
    static const char *const prompts[] = {"abcdefabcdef"};
    sigmoe_model *model = bytes_model(blocks[0], 1);
    char *texts[3];
    for (int i = 0; i < 3; i++) {
        sigmoe_generate_request r = request_for(prompts, 1);
        sigmoe_generation result;
        r.context = i == 0 ? 0 : i == 1 ? 14 : -1;
        ok(sigmoe_generate(model, &r, NULL, &result));
        texts[i] = result.text;
    }
    assert_string_not_equal(texts[0], texts[1]);
    assert_string_equal(texts[1], texts[2]); // 2 segments of 7
    for (int i = 0; i < 3; i++) sigmoe_free(texts[i]);
    sigmoe_model_free(model);
}

static void wrong_requests(void **state) {
    (void)state;
    static const char *const prompts[] = {"abc", "abz"}, *const empty[] = {""};
    sigmoe_model *model = bytes_model(blocks[0], 1), *mute = make_model(blocks[0], "{\"type\": \"none\"}", 1);
    sigmoe_generation results[2];
    sigmoe_generate_request r = request_for(prompts, 1);
    refuses(sigmoe_generate(mute, &r, NULL, results), "no tokenizer");
    r = request_for(prompts, 0);
    refuses(sigmoe_generate(model, &r, NULL, results), "there is no prompt");
    r = request_for(prompts, 2);
    refuses(sigmoe_generate(model, &r, NULL, results), "prompt 2: byte 0x7a (z), at offset 2");
    assert_null(results[0].text);
    r = request_for(prompts + 1, 1);
    refuses(sigmoe_generate(model, &r, NULL, results), "byte 0x7a (z)");
    r = request_for(prompts, 1);
    r.max_tokens = -1;
    refuses(sigmoe_generate(model, &r, NULL, results), "`max_tokens` is -1");
    r = request_for(prompts, 1);
    r.temperature = -1;
    refuses(sigmoe_generate(model, &r, NULL, results), "`temperature` is -1");
    r = request_for(prompts, 1);
    r.context = -2;
    refuses(sigmoe_generate(model, &r, NULL, results), "`context` is -2");
    r = request_for(prompts, 1);
    r.context = INT64_MAX;
    refuses(sigmoe_generate(model, &r, NULL, results), "too large");
    r = request_for(prompts, 1);
    r.batch = 9;
    refuses(sigmoe_generate(model, &r, NULL, results), "`batch` is 9; it must be 1 to 8");
    r = request_for(prompts, 1);
    r.stop = empty;
    r.stop_count = 1;
    refuses(sigmoe_generate(model, &r, NULL, results), "an empty `stop`");
    memset(&r, 0, sizeof r);
    refuses(sigmoe_generate(model, &r, NULL, results), "sigmoe_generate_defaults");
    // Nothing to generate is no mistake.
    r = request_for(prompts, 1);
    r.max_tokens = 0;
    r.echo = true;
    ok(sigmoe_generate(model, &r, NULL, results));
    assert_string_equal(results[0].text, "abc");
    sigmoe_free(results[0].text);
    sigmoe_model_free(model);
    sigmoe_model_free(mute);
}

static void short_memory(void **state) {
    (void)state;
    sigmoe_status status = SIGMOE_NO_MEMORY;
    int failures = -1;
    for (int64_t successes = 0; status != SIGMOE_OK; successes++, failures++) {
        sigmoe_model *model = bytes_model(blocks[3], 1);
        sigmoe_generate_request r = request_for(many, 3);
        sigmoe_generation results[3];
        r.top_k = 3;
        r.max_tokens = 3;
        arena_fail_after(successes);
        status = sigmoe_generate(model, &r, NULL, results);
        arena_fail_after(-1);
        assert_true(status == SIGMOE_OK || status == SIGMOE_NO_MEMORY);
        for (int i = 0; status == SIGMOE_OK && i < 3; i++) sigmoe_free(results[i].text);
        sigmoe_model_free(model);
    }
    assert_true(failures > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_is_the_most_probable),
        cmocka_unit_test(each_text_has_its_own_penalties),
        cmocka_unit_test(memory_is_left_alone),
        cmocka_unit_test(same_text_whatever_is_beside_it),
        cmocka_unit_test(parts_make_the_text),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(context_is_what_is_seen),
        cmocka_unit_test(wrong_requests),
        cmocka_unit_test(short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
