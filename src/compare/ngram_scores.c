#include "compare/ngram_scores.h"

#include "data/ngram.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/file.h"
#include "train/evaluate.h"

#include <math.h>
#include <string.h>

static const int64_t MOST_TRAINING_TOKENS = 20000000;
enum { COPY_BLOCK = 1 << 16 };

// The first `limit` tokens of a split (0: all) as bytes, in the arena.
static sigmoe_status load_tokens(const token_split *source, int64_t limit, arena *a, progress_meter *meter,
    uint8_t **tokens, int64_t *count) {
    *count = token_split_count(source);
    if (limit > 0 && limit < *count) *count = limit;
    int32_t *block;
    sigmoe_status status = ARENA_NEW_RAW(a, *tokens, *count);
    if (status == SIGMOE_OK) status = ARENA_NEW_RAW(a, block, COPY_BLOCK);
    for (int64_t first = 0; status == SIGMOE_OK && first < *count; first += COPY_BLOCK) {
        int64_t length = *count - first < COPY_BLOCK ? *count - first : COPY_BLOCK;
        status = progress_at(meter, meter->state.done + (double)length);
        if (status == SIGMOE_OK) status = token_split_copy(source, first, length, block);
        for (int64_t i = 0; status == SIGMOE_OK && i < length; i++) (*tokens)[first + i] = (uint8_t)block[i];
    }
    return status;
}

static sigmoe_status train_ngram(
    const comparison_plan *p, arena *a, progress_meter *meter, ngram_model **out) {
    token_split *source;
    uint8_t *tokens;
    int64_t count;
    TRY(dataset_open_split(&p->data, "train", &source));
    sigmoe_status status = load_tokens(source, MOST_TRAINING_TOKENS, a, meter, &tokens, &count);
    token_split_close(source);
    return status == SIGMOE_OK ? ngram_train(a, tokens, count, p->data.vocab_size, meter, out) : status;
}

// Scores exactly the tokens that evaluation predicts: of n tokens, the last SCORE_STREAMS · ⌊(n-1)/SCORE_STREAMS⌋.
static sigmoe_status score_tokens(const comparison_plan *p, const ngram_model *model, const char *split,
    const token_split *source, int64_t limit, arena *a, progress_meter *meter, sigmoe_scores *scores) {
    double nats;
    uint8_t *tokens;
    int64_t count;
    split_sizes sizes;
    TRY(load_tokens(source, limit > 0 ? limit + 1 : 0, a, meter, &tokens, &count));
    int64_t scored = (count - 1) / SCORE_STREAMS * SCORE_STREAMS;
    TRY(scored_sizes(&p->data, split, source, limit, scored, &sizes));
    TRY(ngram_nats(model, tokens, scored + 1, meter, &nats));
    *scores = scores_of(nats, scored, &sizes);
    return SIGMOE_OK;
}

static sigmoe_status score_split(const comparison_plan *p, const ngram_model *model, const char *split,
    int64_t limit, arena *a, progress_meter *meter, sigmoe_scores *scores) {
    token_split *source;
    TRY(dataset_open_split(&p->data, split, &source));
    sigmoe_status status = score_tokens(p, model, split, source, limit, a, meter, scores);
    token_split_close(source);
    return status;
}

static sigmoe_status compute(const comparison_plan *p, arena *a, progress_meter *meter, ngram_scores *out) {
    ngram_model *model;
    TRY(train_ngram(p, a, meter, &model));
    int64_t on_the_way = p->request->settings.valid_tokens, final = p->request->test_tokens;
    TRY(score_split(p, model, "valid", on_the_way, a, meter, &out->curve));
    TRY(score_split(p, model, "valid", final, a, meter, &out->valid));
    return score_split(p, model, "test", final, a, meter, &out->test);
}

// Shows no progress, but can be stopped.
static sigmoe_status compute_or_stop(
    const comparison_plan *p, const sigmoe_observer *observer, arena *a, ngram_scores *out) {
    const sigmoe_observer listener = {.stop = observer ? observer->stop : NULL};
    progress_meter meter;
    progress_begin(&meter, &listener, "n-grams", "tokens", 0, NAN);
    sigmoe_status status = compute(p, a, &meter, out);
    if (status == SIGMOE_INTERRUPTED) return fail(status, "stopped; `resume` goes on from here");
    return status;
}

// ---------------------------------------------------------------- ngram.json

typedef struct named_scores {
    const char *name, *path;
    size_t offset; // in ngram_scores
} named_scores;

static const named_scores all_scores[] = {{"validation", "validation.", offsetof(ngram_scores, curve)},
    {"valid", "valid.", offsetof(ngram_scores, valid)}, {"test", "test.", offsetof(ngram_scores, test)}};
enum { SCORES = sizeof all_scores / sizeof *all_scores };

static sigmoe_status fill(json_t *root, const ngram_scores *n) {
    for (int i = 0; i < SCORES; i++) {
        json_t *scores;
        TRY(scores_to_json((const sigmoe_scores *)((const char *)n + all_scores[i].offset), &scores));
        TRY(json_put(root, all_scores[i].name, scores));
    }
    return SIGMOE_OK;
}

static sigmoe_status write_scores(const char *path, const ngram_scores *n) {
    json_t *root = json_object();
    return json_save(fill(root, n), path, root);
}

static sigmoe_status parse(const json_t *root, ngram_scores *n) {
    for (int i = 0; i < SCORES; i++) {
        json_t *scores;
        TRY(json_get_object(root, "", all_scores[i].name, &scores));
        TRY(scores_from_json(
            scores, all_scores[i].path, (sigmoe_scores *)((char *)n + all_scores[i].offset)));
    }
    return SIGMOE_OK;
}

static sigmoe_status read_scores(const char *path, ngram_scores *n) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = parse(root, n);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s (remove it to have it made again)", path);
}

sigmoe_status ngram_score_data(const comparison_plan *p, const sigmoe_observer *observer, ngram_scores *out) {
    char path[PATH_CAPACITY];
    arena *a;
    *out = (ngram_scores){.known = p->data.vocab_size <= NGRAM_MOST_VOCABULARY};
    if (!out->known) return SIGMOE_OK;
    TRY(path_format(path, "%s/ngram.json", p->request->out));
    if (path_exists(path)) return read_scores(path, out);
    TRY(arena_create("n-grams", &a));
    sigmoe_status status = compute_or_stop(p, observer, a, out);
    arena_destroy(a);
    return status == SIGMOE_OK ? write_scores(path, out) : status;
}
