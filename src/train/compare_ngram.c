#include "train/compare_ngram.h"

#include "formats/file.h"
#include "formats/json_options.h"
#include "train/evaluate.h"
#include "train/json_objects.h"
#include "train/ngram.h"

#include <string.h>

static const int64_t MOST_TRAINING_TOKENS = 20000000;
enum { SCORE_STREAMS = 4, COPY_BLOCK = 1 << 16 };

// The first `limit` tokens of a split (0: all) as bytes, in the arena.
static sigmoe_status load_tokens(
    const comparison *c, const char *split, int64_t limit, arena *a, uint8_t **tokens, int64_t *count) {
    token_split *source;
    TRY(token_split_open(c->data.directory, split, c->data.vocab_size, &source));
    *count = token_split_count(source);
    if (limit > 0 && limit < *count) *count = limit;
    int32_t *block;
    sigmoe_status status = ARENA_NEW_RAW(a, *tokens, *count);
    if (status == SIGMOE_OK) status = ARENA_NEW_RAW(a, block, COPY_BLOCK);
    for (int64_t first = 0; status == SIGMOE_OK && first < *count; first += COPY_BLOCK) {
        int64_t length = *count - first < COPY_BLOCK ? *count - first : COPY_BLOCK;
        token_split_copy(source, first, length, block);
        for (int64_t i = 0; i < length; i++) (*tokens)[first + i] = (uint8_t)block[i];
    }
    token_split_close(source);
    return status;
}

// The very tokens that evaluation predicts: of n, the last of SCORE_STREAMS · ⌊(n-1)/SCORE_STREAMS⌋.
static sigmoe_status score_split(
    const comparison *c, const ngram_model *model, const char *split, arena *a, sigmoe_scores *scores) {
    uint8_t *tokens;
    int64_t count, limit = c->request->test_tokens;
    TRY(load_tokens(c, split, limit > 0 ? limit + 1 : 0, a, &tokens, &count));
    int64_t scored = (count - 1) / SCORE_STREAMS * SCORE_STREAMS;
    *scores = scores_of(ngram_nats(model, tokens, scored + 1), scored, dataset_split(&c->data, split));
    return SIGMOE_OK;
}

static sigmoe_status compute(comparison *c, arena *a) {
    uint8_t *tokens;
    int64_t count;
    ngram_model *model;
    TRY(load_tokens(c, "train", MOST_TRAINING_TOKENS, a, &tokens, &count));
    TRY(ngram_train(a, tokens, count, c->data.vocab_size, &model));
    TRY(score_split(c, model, "valid", a, &c->ngram_valid));
    return score_split(c, model, "test", a, &c->ngram_test);
}

static sigmoe_status fill(json_t *root, const comparison *c) {
    json_t *valid, *test;
    TRY(scores_to_json(&c->ngram_valid, &valid));
    TRY(json_put(root, "valid", valid));
    TRY(scores_to_json(&c->ngram_test, &test));
    return json_put(root, "test", test);
}

static sigmoe_status write_scores(const char *path, const comparison *c) {
    json_t *root = json_object();
    sigmoe_status status = fill(root, c);
    if (status == SIGMOE_OK) status = json_write(path, root);
    json_decref(root);
    return status;
}

static sigmoe_status parse(const json_t *root, comparison *c) {
    json_t *valid, *test;
    TRY(json_get_object(root, "", "valid", &valid));
    TRY(scores_from_json(valid, "valid.", &c->ngram_valid));
    TRY(json_get_object(root, "", "test", &test));
    return scores_from_json(test, "test.", &c->ngram_test);
}

static sigmoe_status read_scores(const char *path, comparison *c) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = parse(root, c);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s (remove it to have it made again)", path);
}

sigmoe_status comparison_ngram(comparison *c) {
    char path[PATH_CAPACITY];
    arena *a;
    c->has_ngram = c->data.vocab_size <= NGRAM_MOST_VOCABULARY;
    if (!c->has_ngram) return SIGMOE_OK;
    TRY(path_format(path, "%s/ngram.json", c->request->out));
    if (path_exists(path)) return read_scores(path, c);
    TRY(arena_create("n-grams", &a));
    sigmoe_status status = compute(c, a);
    arena_destroy(a);
    return status == SIGMOE_OK ? write_scores(path, c) : status;
}
