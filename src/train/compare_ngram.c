#include "train/compare_ngram.h"

#include "formats/file.h"
#include "formats/json_options.h"
#include "train/evaluate.h"
#include "train/json_objects.h"
#include "train/ngram.h"

#include <string.h>

static const int64_t MOST_TRAINING_TOKENS = 20000000;
enum { COPY_BLOCK = 1 << 16 };

// The first `limit` tokens of a split (0: all) as bytes, in the arena.
static sigmoe_status load_tokens(
    const token_split *source, int64_t limit, arena *a, uint8_t **tokens, int64_t *count) {
    *count = token_split_count(source);
    if (limit > 0 && limit < *count) *count = limit;
    int32_t *block;
    sigmoe_status status = ARENA_NEW_RAW(a, *tokens, *count);
    if (status == SIGMOE_OK) status = ARENA_NEW_RAW(a, block, COPY_BLOCK);
    for (int64_t first = 0; status == SIGMOE_OK && first < *count; first += COPY_BLOCK) {
        int64_t length = *count - first < COPY_BLOCK ? *count - first : COPY_BLOCK;
        status = token_split_copy(source, first, length, block);
        for (int64_t i = 0; status == SIGMOE_OK && i < length; i++) (*tokens)[first + i] = (uint8_t)block[i];
    }
    return status;
}

static sigmoe_status train_ngram(const comparison *c, arena *a, ngram_model **out) {
    token_split *source;
    uint8_t *tokens;
    int64_t count;
    TRY(dataset_open_split(&c->data, "train", &source));
    sigmoe_status status = load_tokens(source, MOST_TRAINING_TOKENS, a, &tokens, &count);
    token_split_close(source);
    return status == SIGMOE_OK ? ngram_train(a, tokens, count, c->data.vocab_size, out) : status;
}

// The very tokens that evaluation predicts: of n, the last of SCORE_STREAMS · ⌊(n-1)/SCORE_STREAMS⌋.
static sigmoe_status score_tokens(const comparison *c, const ngram_model *model, const char *split,
    const token_split *source, int64_t limit, arena *a, sigmoe_scores *scores) {
    uint8_t *tokens;
    int64_t count;
    split_sizes sizes;
    TRY(load_tokens(source, limit > 0 ? limit + 1 : 0, a, &tokens, &count));
    int64_t scored = (count - 1) / SCORE_STREAMS * SCORE_STREAMS;
    TRY(scored_sizes(&c->data, split, source, limit, scored, &sizes));
    *scores = scores_of(ngram_nats(model, tokens, scored + 1), scored, &sizes);
    return SIGMOE_OK;
}

static sigmoe_status score_split(const comparison *c, const ngram_model *model, const char *split,
    int64_t limit, arena *a, sigmoe_scores *scores) {
    token_split *source;
    TRY(dataset_open_split(&c->data, split, &source));
    sigmoe_status status = score_tokens(c, model, split, source, limit, a, scores);
    token_split_close(source);
    return status;
}

static sigmoe_status compute(comparison *c, arena *a) {
    ngram_model *model;
    TRY(train_ngram(c, a, &model));
    int64_t on_the_way = c->request->settings.valid_tokens, final = c->request->test_tokens;
    TRY(score_split(c, model, "valid", on_the_way, a, &c->ngram_curve));
    TRY(score_split(c, model, "valid", final, a, &c->ngram_valid));
    return score_split(c, model, "test", final, a, &c->ngram_test);
}

// ---------------------------------------------------------------- ngram.json

typedef struct named_scores {
    const char *name, *path;
    size_t offset; // in a comparison
} named_scores;

static const named_scores all_scores[] = {{"validation", "validation.", offsetof(comparison, ngram_curve)},
    {"valid", "valid.", offsetof(comparison, ngram_valid)},
    {"test", "test.", offsetof(comparison, ngram_test)}};
enum { SCORES = sizeof all_scores / sizeof *all_scores };

static sigmoe_status fill(json_t *root, const comparison *c) {
    for (int i = 0; i < SCORES; i++) {
        json_t *scores;
        TRY(scores_to_json((const sigmoe_scores *)((const char *)c + all_scores[i].offset), &scores));
        TRY(json_put(root, all_scores[i].name, scores));
    }
    return SIGMOE_OK;
}

static sigmoe_status write_scores(const char *path, const comparison *c) {
    json_t *root = json_object();
    sigmoe_status status = fill(root, c);
    if (status == SIGMOE_OK) status = json_write(path, root);
    json_decref(root);
    return status;
}

static sigmoe_status parse(const json_t *root, comparison *c) {
    for (int i = 0; i < SCORES; i++) {
        json_t *scores;
        TRY(json_get_object(root, "", all_scores[i].name, &scores));
        TRY(scores_from_json(
            scores, all_scores[i].path, (sigmoe_scores *)((char *)c + all_scores[i].offset)));
    }
    return SIGMOE_OK;
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
