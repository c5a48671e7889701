#include "prepare/split_scores.h"

#include "data/dataset.h"
#include "data/dataset_meta.h"
#include "data/ngram_split.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/path.h"

#include <math.h>
#include <string.h>

enum { TRAIN, VALID, TEST };
enum {
    BIGRAM = 1, // orders: tokens of the context
    TRIGRAM = 2,
    BLOCKS = 100,
    HELD_OUT = 10, // of this many blocks of train one is scored, and the others are counted
    MOST_COUNTED = 2000000,
    MOST_SCORED = 200000,
    LEAST_SAMPLED = 1000, // tokens; a shorter split is one block
    LEAST_COMPARED = 500, // tokens that must be scored for splits to be called different
};

// Blocks of equal length at equal distances, from the first token on.
typedef struct sample {
    int64_t blocks, length, distance;
} sample;

static sample sample_of(int64_t count, int64_t most) {
    if (count < LEAST_SAMPLED) return (sample){1, count, count};
    return (sample){BLOCKS, (count < most ? count : most) / BLOCKS, count / BLOCKS};
}

static bool is_held_out(const sample *s, int64_t block) {
    return s->blocks > 1 && block % HELD_OUT == HELD_OUT / 2;
}

typedef struct split_score {
    int64_t tokens;         // scored
    double bigram, trigram; // in the unit; NaN: nothing was scored
} split_score;

typedef struct scoring {
    dataset data;
    bool characters; // the unit is bits per character, not per token
    ngram_model *model;
    int64_t counted;
    split_score of[SPLITS];
    progress_meter meter;
} scoring;

// ---------------------------------------------------------------- counting

static sigmoe_status copy_sample(const token_split *train, const sample *s, int32_t *tokens, int64_t *count) {
    *count = 0;
    for (int64_t i = 0; i < s->blocks; i++) {
        if (is_held_out(s, i)) continue;
        TRY(token_split_copy(train, i * s->distance, s->length, tokens + *count));
        *count += s->length;
    }
    return SIGMOE_OK;
}

static sigmoe_status count_train(scoring *g, const token_split *train, arena *a) {
    sample s = sample_of(token_split_count(train), MOST_COUNTED);
    int32_t *tokens;
    TRY(ARENA_NEW_RAW(a, tokens, s.blocks * s.length));
    TRY(copy_sample(train, &s, tokens, &g->counted));
    return ngram_train(
        a, tokens, g->counted, g->data.vocab_size, TRIGRAM, NGRAM_MOST_NODES, &g->meter, &g->model);
}

// ---------------------------------------------------------------- scoring

// The blocks that are scored: of train, those that were not counted.
static sample scored_sample(int split, int64_t count) {
    sample s = sample_of(count, split == TRAIN ? MOST_COUNTED : MOST_SCORED);
    if (split == TRAIN && s.blocks == 1) s.blocks = 0;
    return s;
}

static sigmoe_status score_split(scoring *g, int split, const token_split *tokens) {
    sample s = scored_sample(split, token_split_count(tokens));
    double sums[NGRAM_MOST_ORDER + 1] = {0}, units = 0;
    split_score *out = &g->of[split];
    for (int64_t i = 0; i < s.blocks; i++) {
        double nats[NGRAM_MOST_ORDER + 1];
        int64_t first = i * s.distance, scored = s.length - 1;
        if (scored < 1 || (split == TRAIN && !is_held_out(&s, i))) continue;
        split_sizes sizes;
        TRY(ngram_score_split(g->model, tokens, first, scored, &g->meter, nats));
        TRY(dataset_part_sizes(&g->data, split_names[split], tokens, first + 1, scored, &sizes));
        for (int k = BIGRAM; k <= TRIGRAM; k++) sums[k] += nats[k] * (double)scored;
        units += (double)(g->characters ? sizes.chars : scored);
        out->tokens += scored;
    }
    double scale = units > 0 ? 1 / (units * log(2)) : NAN;
    out->bigram = sums[BIGRAM] * scale;
    out->trigram = sums[TRIGRAM] * scale;
    return SIGMOE_OK;
}

static sigmoe_status score_all(scoring *g, arena *a) {
    for (int split = 0; split < SPLITS; split++) {
        token_split *tokens;
        TRY(dataset_open_split(&g->data, split_names[split], &tokens));
        sigmoe_status status = split == TRAIN ? count_train(g, tokens, a) : SIGMOE_OK;
        if (status == SIGMOE_OK) status = score_split(g, split, tokens);
        token_split_close(tokens);
        TRY(status);
    }
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- what is said of them

static const char *unit_of(const scoring *g) {
    return g->characters ? "bits/char" : "bits/token";
}

// Splits are alike where their trigram scores are: then a model's score on one says something about the other.
static bool are_unlike(const split_score *one, const split_score *other) {
    static const double MOST_RATIO = 1.25;
    double low = fmin(one->trigram, other->trigram), high = fmax(one->trigram, other->trigram);
    return one->tokens >= LEAST_COMPARED && other->tokens >= LEAST_COMPARED && high > MOST_RATIO * low;
}

static void note_unlike(const scoring *g, const json_t *meta, const sigmoe_observer *observer) {
    const split_score *valid = &g->of[VALID], *test = &g->of[TEST];
    const char *split_by = json_string_value(json_object_get(meta, "split_by"));
    bool was_cut = split_by && strcmp(split_by, split_by_position) == 0;
    if (are_unlike(valid, test))
        progress_note(observer,
            "warning: valid and test are unlike each other, trigrams of train have %.2f and %.2f %s on them: "
            "a score on one says little about the other%s",
            valid->trigram, test->trigram, unit_of(g),
            was_cut ? "; shuffle the text's parts first, or give them as files of their own" : "");
}

static sigmoe_status put_score(json_t *ngram, int split, const split_score *score) {
    json_t *object = json_object();
    TRY(json_put(ngram, split_names[split], object));
    TRY(json_put(object, "tokens", json_integer(score->tokens)));
    TRY(json_put(object, "bigram", json_finite(score->bigram)));
    return json_put(object, "trigram", json_finite(score->trigram));
}

static sigmoe_status put_scores(json_t *meta, const scoring *g) {
    json_t *ngram = json_object();
    TRY(json_put(meta, "ngram", ngram));
    TRY(json_put(ngram, "unit", json_string(unit_of(g))));
    TRY(json_put(ngram, "counted", json_integer(g->counted)));
    for (int split = 0; split < SPLITS; split++) TRY(put_score(ngram, split, &g->of[split]));
    return SIGMOE_OK;
}

static sigmoe_status add_to_meta(const char *directory, const scoring *g, const sigmoe_observer *observer) {
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(json_read_object(path, &meta));
    note_unlike(g, meta, observer);
    return json_save(put_scores(meta, g), path, meta);
}

sigmoe_status split_scores_add(const char *directory, const sigmoe_observer *observer) {
    const sigmoe_observer listener = {
        .stop = observer ? observer->stop : NULL}; // it takes a moment: no progress
    scoring g = {0};
    arena *a;
    TRY(dataset_open(directory, &g.data));
    g.characters = g.data.tokenizer.type == TOKENIZER_BYTES;
    progress_begin(&g.meter, &listener, "score the splits", "tokens", 0, NAN);
    TRY(arena_create("scores of splits", &a));
    sigmoe_status status = score_all(&g, a);
    arena_destroy(a);
    return status == SIGMOE_OK ? add_to_meta(directory, &g, observer) : status;
}
