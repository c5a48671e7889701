#include "compare/ngram_scores.h"

#include "data/ngram_split.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/file.h"
#include "train/evaluate.h"

#include <math.h>
#include <string.h>

static const int64_t MOST_TRAINING_TOKENS = 20000000;

// Tokens of each stream that a run reads.
static int64_t tokens_of_stream(const comparison_plan *p) {
    int64_t each;
    return size_product(&each, p->request->settings.steps, p->base.model.unroll) ? each : INT64_MAX;
}

// What the models read, and no more: a model must do better than counting the same text.
static sigmoe_status train_ngram(
    const comparison_plan *p, arena *a, progress_meter *meter, ngram_model **out, int64_t *counted) {
    token_split *source;
    TRY(dataset_open_split(&p->data, "train", &source));
    sigmoe_status status = ngram_train_streams(source, p->request->settings.batch, tokens_of_stream(p),
        MOST_TRAINING_TOKENS, p->data.vocab_size, NGRAM_MOST_ORDER, a, meter, out, counted);
    token_split_close(source);
    return status;
}

typedef struct order_scores {
    sigmoe_scores of[NGRAM_MOST_ORDER + 1];
} order_scores;

// Scores exactly the tokens that evaluation predicts: of n tokens, the last SCORE_STREAMS · ⌊(n-1)/SCORE_STREAMS⌋.
static sigmoe_status score_tokens(const comparison_plan *p, const ngram_model *model, const char *split,
    const token_split *source, int64_t limit, progress_meter *meter, order_scores *out) {
    double nats[NGRAM_MOST_ORDER + 1];
    split_sizes sizes;
    int64_t count = token_split_count(source) - 1;
    if (limit > 0 && limit < count) count = limit;
    int64_t scored = count / SCORE_STREAMS * SCORE_STREAMS;
    TRY(scored_sizes(&p->data, split, source, limit, scored, &sizes));
    TRY(ngram_score_split(model, source, 0, scored, meter, nats));
    for (int k = 0; k <= ngram_order(model); k++) out->of[k] = scores_of(nats[k], scored, &sizes);
    return SIGMOE_OK;
}

static sigmoe_status score_split(const comparison_plan *p, const ngram_model *model, const char *split,
    int64_t limit, progress_meter *meter, order_scores *out) {
    token_split *source;
    TRY(dataset_open_split(&p->data, split, &source));
    sigmoe_status status = score_tokens(p, model, split, source, limit, meter, out);
    token_split_close(source);
    return status;
}

// The order with the lowest loss on the tokens of the final validation; of equal ones, the lowest.
static int best_order(const ngram_model *model, const order_scores *valid) {
    int best = 1;
    for (int k = 2; k <= ngram_order(model); k++)
        if (valid->of[k].nats_per_token < valid->of[best].nats_per_token) best = k;
    return best;
}

static sigmoe_status compute(const comparison_plan *p, arena *a, progress_meter *meter, ngram_scores *out) {
    ngram_model *model;
    order_scores on_the_way, valid, test;
    int64_t limit = p->request->test_tokens, counted;
    TRY(train_ngram(p, a, meter, &model, &counted));
    TRY(score_split(p, model, "valid", p->request->settings.valid_tokens, meter, &on_the_way));
    TRY(score_split(p, model, "valid", limit, meter, &valid));
    TRY(score_split(p, model, "test", limit, meter, &test));
    int order = best_order(model, &valid);
    *out = (ngram_scores){.known = true,
        .order = order,
        .steps = p->request->settings.steps,
        .counted = counted,
        .curve = on_the_way.of[order],
        .valid = valid.of[order],
        .test = test.of[order]};
    return SIGMOE_OK;
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
    TRY(json_put(root, "order", json_integer(n->order)));
    TRY(json_put(root, "steps", json_integer(n->steps)));
    TRY(json_put(root, "counted_tokens", json_integer(n->counted)));
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
    int64_t order;
    TRY(json_get_integer(root, "", "order", 1, &order));
    if (order > NGRAM_MOST_ORDER)
        return fail(SIGMOE_BAD_FORMAT, "\"order\" must be in 1..%d", NGRAM_MOST_ORDER);
    n->order = (int)order;
    TRY(json_get_integer(root, "", "steps", 0, &n->steps));
    TRY(json_get_integer(root, "", "counted_tokens", 1, &n->counted));
    for (int i = 0; i < SCORES; i++) {
        json_t *scores;
        TRY(json_get_object(root, "", all_scores[i].name, &scores));
        TRY(scores_from_json(
            scores, all_scores[i].path, (sigmoe_scores *)((char *)n + all_scores[i].offset)));
    }
    n->known = true;
    return SIGMOE_OK;
}

// Files of version 0.1 do not say how much they counted, and after a change of the steps it is another part of the text:
// n->known stays false, so that they are made again.
static sigmoe_status read_scores(const char *path, int64_t steps, ngram_scores *n) {
    json_t *root;
    TRY(json_read_object(path, &root));
    const json_t *own = json_object_get(root, "steps");
    bool current = json_is_integer(own) && json_integer_value(own) == steps;
    sigmoe_status status = current ? parse(root, n) : SIGMOE_OK;
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s (remove it to have it made again)", path);
}

sigmoe_status ngram_score_data(const comparison_plan *p, const sigmoe_observer *observer, ngram_scores *out) {
    char path[PATH_CAPACITY];
    arena *a;
    *out = (ngram_scores){0};
    if (p->data.vocab_size > NGRAM_MOST_VOCABULARY) return SIGMOE_OK;
    TRY(path_format(path, "%s/ngram.json", p->request->out));
    if (path_exists(path)) TRY(read_scores(path, p->request->settings.steps, out));
    if (out->known) return SIGMOE_OK;
    TRY(arena_create("n-grams", &a));
    sigmoe_status status = compute_or_stop(p, observer, a, out);
    arena_destroy(a);
    return status == SIGMOE_OK ? write_scores(path, out) : status;
}
