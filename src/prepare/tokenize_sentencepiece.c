#include "prepare/tokenize_sentencepiece.h"

#include "base/progress.h"
#include "base/random.h"
#include "base/threads_place.h"
#include "prepare/encode_split.h"
#include "prepare/train_apart.h"
#include "prepare/train_sentencepiece.h"
#include "system/file.h"

#include <math.h>

enum {
    MOST_THREADS = 64
}; // reading has one thread and keeps no more than these busy; also bounds the memory
static const uint64_t sample_seed = 0x736d6f65;

// ---------------------------------------------------------------- training

// Whether the trainer can use the sentence: it skips longer ones.
static bool trains(const sentence *s) {
    return !s->cut && s->size <= SENTENCEPIECE_LONGEST;
}

typedef struct training {
    sentence_reader *reader;
    progress_meter *meter;
    double share;             // of the sentences that are drawn
    int64_t sentences, bytes; // that can be used
    int64_t drawn, drawn_bytes;
} training;

static sigmoe_status next_usable(training *t, sentence *s) {
    for (;;) {
        TRY(sentence_reader_next(t->reader, s));
        TRY(progress_at(t->meter, (double)sentence_reader_measure(t->reader)->bytes));
        if (!s->bytes) return SIGMOE_OK;
        if (!trains(s)) continue;
        t->sentences++;
        t->bytes += (int64_t)s->size;
        return SIGMOE_OK;
    }
}

// Whether a sentence is drawn depends on its number alone.
static sigmoe_status next_drawn(void *context, const char **bytes, size_t *size) {
    static const random_stream draw = {.seed = sample_seed, .purpose = RANDOM_DATA};
    training *t = context;
    sentence s;
    do {
        TRY(next_usable(t, &s));
    } while (s.bytes && t->share < 1 && random_uniform(draw, (uint64_t)t->sentences) >= t->share);
    *bytes = s.bytes;
    *size = s.size;
    t->drawn += s.bytes != NULL;
    t->drawn_bytes += (int64_t)s.size;
    return SIGMOE_OK;
}

// Called while the trainer, which has all sentences, is at work.
static sigmoe_status while_training(void *context) {
    training *t = context;
    return progress_at(t->meter, t->meter->state.done);
}

static sigmoe_status count_usable(training *t) {
    sentence s;
    do {
        TRY(next_usable(t, &s));
    } while (s.bytes);
    return SIGMOE_OK;
}

// One pass over the text that the tokenizer learns from. With `path`, trains on the share drawn.
static sigmoe_status pass_over(const split_text *text, const sigmoe_observer *observer, const char *task,
    int64_t vocab_size, const char *path, training *t) {
    progress_meter meter;
    int parts = text->parts[0] < text->training_parts ? text->parts[0] : text->training_parts;
    TRY(sentence_reader_open(text, 0, parts, &t->reader));
    progress_begin(&meter, observer, task, "bytes", 0, NAN);
    t->meter = &meter;
    t->sentences = t->bytes = 0;
    sentencepiece_input input = {next_drawn, t};
    sigmoe_status status =
        path ? train_apart(&input, while_training, text->name, vocab_size, path) : count_usable(t);
    if (status == SIGMOE_OK) progress_end(&meter);
    sentence_reader_close(t->reader);
    return status;
}

static sigmoe_status train_model(const split_text *text, int64_t vocab_size, const char *path,
    const sigmoe_observer *observer, training *t) {
    *t = (training){.share = 1};
    TRY(pass_over(text, observer, "read", 0, NULL, t));
    if (t->bytes > text->training_bytes) t->share = (double)text->training_bytes / (double)t->bytes;
    return pass_over(text, observer, "train the tokenizer", vocab_size, path, t);
}

// ---------------------------------------------------------------- the whole text

static sigmoe_status encode_splits(const split_text *text, const piece_model *model, const char *directory,
    const sigmoe_observer *observer, split_content *splits, bad_lines *bad) {
    threads *pool;
    progress_meter meter;
    int count = observer && observer->threads ? observer->threads : threads_available();
    TRY(threads_create(count < MOST_THREADS ? count : MOST_THREADS, &pool));
    progress_begin(&meter, observer, "tokenize", "bytes", 0, NAN);
    sigmoe_status status = SIGMOE_OK;
    for (int i = 0; status == SIGMOE_OK && i < SPLITS; i++)
        status = encode_split(text, i, model, pool, directory, &meter, &splits[i], &bad[i]);
    if (status == SIGMOE_OK) progress_end(&meter);
    threads_destroy(pool);
    return status;
}

// The trainer drops the rarest characters, at most one in 2000. If far more are unknown, the split differs from what the
// tokenizer learned from, or is not text.
static void note_unknown(const split_content *splits, const sigmoe_observer *observer) {
    enum { MOST_PERCENT = 1 };
    const split_content *worst = NULL;
    for (int i = 0; i < SPLITS; i++) {
        const split_content *s = &splits[i];
        if (s->unknown * 100 <= s->tokens * MOST_PERCENT) continue;
        if (!worst || (double)s->unknown / (double)s->tokens > (double)worst->unknown / (double)worst->tokens)
            worst = s;
    }
    if (!worst) return;
    progress_note(observer,
        "warning: of the %s split's tokens %.1f %% are <unk>, for characters that the tokenizer did not "
        "learn: scores do "
        "not count what they stand for (a larger `vocab_size`, or `tokenizer` bytes)",
        split_names[worst - splits], 100 * (double)worst->unknown / (double)worst->tokens);
}

// The test split of documents is a second copy of the validation text.
static int64_t all_bad(const bad_lines *bad) {
    return bad[0].count + bad[1].count;
}

static void note_bad_lines(const bad_lines *bad, const sigmoe_observer *observer) {
    long long count = all_bad(bad);
    if (count > 0)
        progress_note(observer, "warning: skipped %lld line%s that hold%s no text; the first: %s", count,
            plural(count), count == 1 ? "s" : "", bad[0].count > 0 ? bad[0].first : bad[1].first);
}

static sigmoe_status describe_model(const char *path, int64_t asked, const training *t, json_t **out) {
    char hash[SHA256_HEX];
    TRY(sha256_file(path, hash));
    *out = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "sha256", hash, "type", "bpe", "asked_size",
        (json_int_t)asked, "sentences", (json_int_t)t->drawn, "bytes", (json_int_t)t->drawn_bytes,
        "of_sentences", (json_int_t)t->sentences, "of_bytes", (json_int_t)t->bytes);
    return *out ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for the tokenizer's description");
}

static sigmoe_status write_all(const split_text *text, const piece_model *model, json_t *description,
    const char *directory, const sigmoe_observer *observer, arena *a) {
    static const tokenizer kind = {.type = TOKENIZER_SENTENCEPIECE};
    split_content splits[SPLITS] = {0};
    bad_lines bad[SPLITS] = {0};
    TRY(encode_splits(text, model, directory, observer, splits, bad));
    for (int i = 0; text->files && i < SPLITS; i++) splits[i].files = text->files[i];
    note_bad_lines(bad, observer);
    note_unknown(splits, observer);
    dataset_content content = {.vocab_size = sentencepiece_vocab_size(model),
        .tokenizer = &kind,
        .source = text->source,
        .split_by = text->split_by,
        .skipped_lines = text->skip_bad_lines ? all_bad(bad) : -1,
        .splits = splits,
        .tokenizer_model = description};
    return dataset_write_meta(directory, &content, a);
}

static void note_size(const piece_model *model, int64_t asked, const sigmoe_observer *observer) {
    int64_t size = sentencepiece_vocab_size(model);
    if (size != asked)
        progress_note(observer, "the text gives a vocabulary of %lld token%s, not the %lld asked for",
            (long long)size, plural(size), (long long)asked);
}

sigmoe_status tokenize_sentencepiece(
    const split_text *text, int64_t vocab_size, const char *directory, const sigmoe_observer *observer) {
    char path[PATH_CAPACITY];
    training t;
    arena *a = NULL;
    piece_model *model = NULL;
    json_t *description = NULL;
    sigmoe_status status;
    int64_t asked = vocab_size ? vocab_size : DEFAULT_PIECES;
    TRY(path_format(path, "%s/tokenizer.model", directory));
    TRY(train_model(text, asked, path, observer, &t));
    TRY_OR(done, arena_create("tokenization", &a));
    TRY_OR(done, describe_model(path, asked, &t, &description));
    TRY_OR(done, sentencepiece_open(path, &model));
    note_size(model, asked, observer);
    status = write_all(text, model, description, directory, observer, a);
done:
    json_decref(description);
    sentencepiece_close(model);
    arena_destroy(a);
    return status;
}

// ---------------------------------------------------------------- texts that have to be cut into splits

typedef struct cut_text {
    const raw_text *text;
    int64_t bytes;
} cut_text;

static sigmoe_status open_cut(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)part;
    const cut_text *c = context;
    return raw_text_open_split(c->text, c->bytes, split, a, out);
}

static const char *cut_name(const void *context, int split, int part) {
    (void)split, (void)part;
    return ((const cut_text *)context)->text->name;
}

// Checks the splits as they are actually cut: in a short text, moving the cuts may leave one empty.
static sigmoe_status check_splits(const raw_text *text, int64_t bytes) {
    enum { CUT_MOVES = 4 }; // more than the bytes that a cut can move
    int64_t starts[SPLITS + 1];
    raw_text_starts(text, bytes, starts);
    for (int i = 0; i < SPLITS; i++) {
        arena *a;
        byte_source source = {0};
        bool empty = false;
        if (starts[i + 1] - starts[i] >= CUT_MOVES) continue;
        TRY(arena_create("a split", &a));
        sigmoe_status status = raw_text_open_split(text, bytes, i, a, &source);
        if (status == SIGMOE_OK) status = byte_source_is_empty(&source, &empty);
        arena_destroy(a);
        TRY(empty ? raw_text_too_short(text, bytes) : status);
    }
    return SIGMOE_OK;
}

sigmoe_status tokenize_raw_sentencepiece(const raw_text *text, const raw_survey *survey, int64_t vocab_size,
    const char *directory, const sigmoe_observer *observer) {
    TRY(check_splits(text, survey->bytes));
    const cut_text cut = {text, survey->bytes};
    const split_text splits = {.name = text->name,
        .source = text->source,
        .split_by = raw_text_split_by(text),
        .files = text->files ? text->files->files : NULL,
        .format = SENTENCE_LINES,
        .parts = {1, 1, 1},
        .training_parts = 1,
        .training_bytes = DEFAULT_TRAINING_BYTES,
        .open = open_cut,
        .part_name = cut_name,
        .context = &cut};
    return tokenize_sentencepiece(&splits, vocab_size, directory, observer);
}
