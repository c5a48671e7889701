// C4 (Raffel et al. 2019) and peS2o (Soldaini and Lo 2023): documents as JSON lines, in compressed shards. There is no test
// split: scores are reported on the validation text, so it serves as the test split, too.
#include "base/progress.h"
#include "prepare/archive/content.h"
#include "prepare/corpus.h"
#include "prepare/fetch/fetch.h"
#include "prepare/tokenize_sentencepiece.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN, VALID, KINDS, HOSTS = 2 };
static const char *const what[KINDS] = {"training", "validation"};

// Where the public shards of a corpus are: <host>/datasets/<stem>00000-of-<count>.json.gz and so on.
typedef struct publication {
    const char *name;
    const char *stems[KINDS];
    int counts[KINDS];
    int training_shards; // the tokenizer learns from so many
} publication;

static const int64_t MOST_BYTES = INT64_C(64)
                                  << 30; // of a shard: those that are known have less than a tenth

// The second host is a mirror of the first.
static const char *const hosts[HOSTS] = {"https://huggingface.co", "https://hf-mirror.com"};

static const publication c4 = {.name = "c4",
    .stems = {"allenai/c4/resolve/main/en/c4-train.", "allenai/c4/resolve/main/en/c4-validation."},
    .counts = {1024, 8},
    .training_shards = 10};
static const publication pes2o = {.name = "pes2o",
    .stems = {"allenai/peS2o/resolve/main/data/v2/train-", "allenai/peS2o/resolve/main/data/v2/validation-"},
    .counts = {20, 2},
    .training_shards = 10};

typedef struct shard {
    const char *name;        // the file, or the first URL
    const char *urls[HOSTS]; // where it comes from; none: it is a file
    int url_count;
    const char *path; // of the file, once it is here
} shard;

typedef struct shard_list {
    shard *shards;
    int count;
    bool has_text; // whether any shard checked has text
} shard_list;

typedef struct collection {
    shard_list kinds[KINDS];
    const shard *opened; // the one opened last
} collection;

// ---------------------------------------------------------------- choosing shards

static sigmoe_status refuse_repeated(const corpus_request *r, const publication *p, arena *a) {
    const char *one, *other;
    TRY(inputs_find_same(r->inputs, r->input_count, a, &one, &other));
    if (!one) return SIGMOE_OK;
    if (strcmp(one, other) == 0)
        return fail(SIGMOE_BAD_ARGUMENT, "%s: the shard %s is named twice: leave one out", p->name, one);
    return fail(SIGMOE_BAD_ARGUMENT, "%s: the shards %s and %s are the same file: leave one out", p->name,
        one, other);
}

// Whether its name, or that of its folder, says that a shard is for validation.
static bool says_valid(const char *name, bool folder) {
    char parent[PATH_CAPACITY];
    if (folder && path_parent(name, parent) != SIGMOE_OK) return false;
    return strcasestr(path_leaf(folder ? parent : name), "valid") != NULL;
}

// Folders decide if no shard's own name says "valid" and only some of the folders' names do: train/0.json, validation/0.json.
static bool folders_decide(const corpus_request *r) {
    int by_folder = 0;
    for (int i = 0; i < r->input_count; i++) {
        if (says_valid(r->inputs[i].name, false)) return false;
        by_folder += says_valid(r->inputs[i].name, true);
    }
    return by_folder > 0 && by_folder < r->input_count;
}

static sigmoe_status list_inputs(const corpus_request *r, arena *a, collection *c) {
    bool folder = folders_decide(r);
    for (int k = 0; k < KINDS; k++) TRY(ARENA_NEW(a, c->kinds[k].shards, r->input_count));
    for (int i = 0; i < r->input_count; i++) {
        const char *name = r->inputs[i].name;
        shard_list *list = &c->kinds[says_valid(name, folder) ? VALID : TRAIN];
        shard *s = &list->shards[list->count++];
        s->name = name;
        if (is_url(r->inputs[i].path))
            s->urls[s->url_count++] = r->inputs[i].path;
        else
            s->path = r->inputs[i].path;
    }
    return SIGMOE_OK;
}

// If no name says which shards are for validation, the last ones are.
static sigmoe_status split_by_count(const corpus_request *r, const publication *p, collection *c) {
    shard_list *train = &c->kinds[TRAIN], *valid = &c->kinds[VALID];
    if (valid->count > 0) return SIGMOE_OK;
    int64_t wanted = r->valid_shards ? r->valid_shards : 1;
    if (wanted >= train->count)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s: of %d shard(s) without \"valid\" in their names the last %" PRId64
            " would be for validation, which leaves none to train on: name more shards",
            p->name, train->count, wanted);
    valid->count = (int)wanted;
    train->count -= valid->count;
    memcpy(valid->shards, train->shards + train->count, (size_t)wanted * sizeof *valid->shards);
    return SIGMOE_OK;
}

static sigmoe_status limit_counts(const corpus_request *r, const publication *p, collection *c) {
    const int64_t wanted[KINDS] = {r->train_shards, r->valid_shards};
    for (int k = 0; k < KINDS; k++) {
        shard_list *list = &c->kinds[k];
        if (wanted[k] > list->count)
            return fail(SIGMOE_BAD_ARGUMENT, "%s: %" PRId64 " %s shards are asked for, but there are %d",
                p->name, wanted[k], what[k], list->count);
        if (wanted[k]) list->count = (int)wanted[k];
        if (list->count == 0) return fail(SIGMOE_BAD_ARGUMENT, "%s: there is no %s shard", p->name, what[k]);
    }
    return SIGMOE_OK;
}

static sigmoe_status list_published(const publication *p, arena *a, collection *c) {
    for (int k = 0; k < KINDS; k++) {
        shard_list *list = &c->kinds[k];
        list->count = p->counts[k];
        TRY(ARENA_NEW(a, list->shards, list->count));
        for (int i = 0; i < list->count; i++) {
            shard *s = &list->shards[i];
            for (; s->url_count < HOSTS; s->url_count++) {
                const char *url = arena_text(a, "%s/datasets/%s%05d-of-%05d.json.gz", hosts[s->url_count],
                    p->stems[k], i, p->counts[k]);
                if (!url) return SIGMOE_NO_MEMORY;
                s->urls[s->url_count] = url;
            }
            s->name = s->urls[0];
        }
    }
    return SIGMOE_OK;
}

static sigmoe_status choose(const corpus_request *r, const publication *p, arena *a, collection *c) {
    if (r->input_count == 0) {
        TRY(list_published(p, a, c));
    } else {
        TRY(refuse_repeated(r, p, a));
        TRY(list_inputs(r, a, c));
        TRY(split_by_count(r, p, c));
    }
    return limit_counts(r, p, c);
}

// ---------------------------------------------------------------- reading

static const shard_list *list_of(const collection *c, int split) {
    return &c->kinds[split == 0 ? TRAIN : VALID];
}

static sigmoe_status open_shard(const shard *s, arena *a, byte_source *out) {
    byte_source file;
    TRY(file_source_open(s->path, a, &file));
    return content_open(&file, s->name, 0, a, out);
}

static sigmoe_status open_part(const void *context, int split, int part, arena *a, byte_source *out) {
    collection *c = *(collection *const *)context;
    c->opened = &list_of(c, split)->shards[part];
    return open_shard(c->opened, a, out);
}

static const char *part_name(const void *context, int split, int part) {
    return list_of(*(collection *const *)context, split)->shards[part].name;
}

// ---------------------------------------------------------------- checking each shard before the work

static sigmoe_status open_only(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)split, (void)part;
    return open_shard(context, a, out);
}

static const char *only_name(const void *context, int split, int part) {
    (void)split, (void)part;
    return ((const shard *)context)->name;
}

// Reads up to the shard's first text. A shard that cannot be opened or begins wrong would otherwise only be noticed when it is
// reached, hours later.
static sigmoe_status look_into(const corpus_request *r, const shard *s, bool *has_text) {
    const split_text only = {.format = SENTENCE_DOCUMENTS,
        .parts = {1},
        .skip_bad_lines = r->skip_bad_lines,
        .open = open_only,
        .part_name = only_name,
        .context = s};
    sentence_reader *reader;
    sentence first;
    TRY(sentence_reader_open(&only, 0, 1, &reader));
    sigmoe_status status = sentence_reader_next(reader, &first);
    if (status == SIGMOE_OK && first.bytes) *has_text = true;
    sentence_reader_close(reader);
    return status;
}

// Checks the shards that are files; the others have not been downloaded yet.
static sigmoe_status look_into_files(const corpus_request *r, collection *c) {
    progress_meter meter;
    int done = 0;
    progress_begin(&meter, r->observer, "look into the shards", "shards", 0, NAN);
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < c->kinds[k].count; i++) {
            const shard *s = &c->kinds[k].shards[i];
            if (!s->path) continue;
            TRY(progress_at(&meter, done++));
            TRY(look_into(r, s, &c->kinds[k].has_text));
            TRY(corpus_record(r, s->name, s->path));
        }
    meter.state.done = done;
    if (done > 0) progress_end(&meter);
    return SIGMOE_OK;
}

static sigmoe_status require_text(const publication *p, const collection *c) {
    for (int k = 0; k < KINDS; k++)
        if (!c->kinds[k].has_text)
            return fail(SIGMOE_BAD_FORMAT, "%s: there is no text in the %s shard(s) from %s on", p->name,
                what[k], c->kinds[k].shards[0].name);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- downloading

static sigmoe_status fetch_shard(const corpus_request *r, shard *s, int index, int count, arena *a) {
    char path[PATH_CAPACITY], task[128];
    snprintf(task, sizeof task, "download %.80s (%d of %d)", path_leaf(s->name), index + 1, count);
    TRY(corpus_fetch(r,
        &(corpus_file){.urls = s->urls, .url_count = s->url_count, .task = task, .most_bytes = MOST_BYTES},
        path));
    s->path = arena_text(a, "%s", path);
    return s->path ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status fetch_all(const corpus_request *r, collection *c, arena *a) {
    for (int k = 0; k < KINDS; k++) {
        shard_list *list = &c->kinds[k];
        for (int i = 0; i < list->count; i++) {
            shard *s = &list->shards[i];
            if (s->path) continue;
            TRY(fetch_shard(r, s, i, list->count, a));
            c->opened = s;
            TRY(look_into(r, s, &list->has_text));
            c->opened = NULL;
        }
    }
    return SIGMOE_OK;
}

// Wrong contents must be downloaded again; after any other failure, a retry can use what has been downloaded.
static void discard(const collection *c, sigmoe_status status) {
    const shard *s = c->opened;
    if (status == SIGMOE_BAD_FORMAT && s && s->url_count > 0) unlink(s->path);
}

// ---------------------------------------------------------------- the whole corpus

static sigmoe_status describe_source(const publication *p, const collection *c, arena *a, const char **out) {
    *out = arena_text(a, "%s: %d training shard(s) from %s on, %d for validation from %s on", p->name,
        c->kinds[TRAIN].count, c->kinds[TRAIN].shards[0].name, c->kinds[VALID].count,
        c->kinds[VALID].shards[0].name);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status tokenize(const corpus_request *r, const publication *p, collection *c, arena *a) {
    const char *source;
    TRY(describe_source(p, c, a, &source));
    const split_text text = {.name = p->name,
        .source = source,
        .split_by = split_by_source,
        .format = SENTENCE_DOCUMENTS,
        .parts = {c->kinds[TRAIN].count, c->kinds[VALID].count, c->kinds[VALID].count},
        .training_parts = p->training_shards,
        .training_bytes = DEFAULT_TRAINING_BYTES,
        .skip_bad_lines = r->skip_bad_lines,
        .open = open_part,
        .part_name = part_name,
        .context = &c};
    return tokenize_sentencepiece(&text, r->vocab_size, r->directory, r->observer);
}

static sigmoe_status prepare(const corpus_request *r, const publication *p) {
    collection c = {0};
    arena *a;
    TRY(arena_create(p->name, &a));
    sigmoe_status status;
    TRY_OR(done, choose(r, p, a, &c));
    TRY_OR(done, look_into_files(r, &c));
    TRY_OR(done, fetch_all(r, &c, a));
    TRY_OR(done, require_text(p, &c));
    status = tokenize(r, p, &c, a);
done:
    discard(&c, status);
    arena_destroy(a);
    return status;
}

sigmoe_status corpus_c4(const corpus_request *request) {
    return prepare(request, &c4);
}
sigmoe_status corpus_pes2o(const corpus_request *request) {
    return prepare(request, &pes2o);
}
