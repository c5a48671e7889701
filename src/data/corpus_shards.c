// C4 (Raffel et al. 2019) and peS2o (Soldaini and Lo 2023): documents as JSON lines, in compressed shards. There is no test
// split: what is scored is the validation text, which therefore is the test split, too.
#include "data/archive.h"
#include "data/corpus.h"
#include "data/fetch.h"
#include "data/tokenize_sentencepiece.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN, VALID, KINDS, HOSTS = 2 };

// Where the public shards of a corpus lie: <host>/datasets/<stem>00000-of-<count>.json.gz and so on.
typedef struct publication {
    const char *name;
    const char *stems[KINDS];
    int counts[KINDS];
    int training_shards; // the tokenizer learns from so many
} publication;

// The second is a mirror of the first.
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
} shard_list;

typedef struct collection {
    shard_list kinds[KINDS];
    const shard *opened; // the last one
} collection;

// ---------------------------------------------------------------- which

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static sigmoe_status list_inputs(const corpus_request *r, arena *a, collection *c) {
    for (int k = 0; k < KINDS; k++) TRY(ARENA_NEW(a, c->kinds[k].shards, r->input_count));
    for (int i = 0; i < r->input_count; i++) {
        const char *name = r->inputs[i];
        shard_list *list = &c->kinds[strcasestr(base_name(name), "valid") ? VALID : TRAIN];
        shard *s = &list->shards[list->count++];
        s->name = name;
        if (is_url(name))
            s->urls[s->url_count++] = name;
        else
            s->path = name;
    }
    return SIGMOE_OK;
}

// Where no name says which are for validation, the last ones are.
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
    static const char *const what[KINDS] = {"training", "validation"};
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
        TRY(list_inputs(r, a, c));
        TRY(split_by_count(r, p, c));
    }
    return limit_counts(r, p, c);
}

// ---------------------------------------------------------------- fetching

static sigmoe_status fetch_shard(const corpus_request *r, shard *s, int index, int count, arena *a) {
    char path[PATH_CAPACITY], task[128];
    if (s->path) return SIGMOE_OK;
    snprintf(task, sizeof task, "download %.80s (%d of %d)", base_name(s->name), index + 1, count);
    TRY(fetch(&(fetch_request){.urls = s->urls,
                  .count = s->url_count,
                  .keep = r->download,
                  .task = task,
                  .observer = r->observer},
        path));
    s->path = arena_text(a, "%s", path);
    return s->path ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status fetch_all(const corpus_request *r, collection *c, arena *a) {
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < c->kinds[k].count; i++)
            TRY(fetch_shard(r, &c->kinds[k].shards[i], i, c->kinds[k].count, a));
    return SIGMOE_OK;
}

// Kept only where a later try can use it: what is done is not needed any more, wrong contents must be fetched anew.
static void discard(const collection *c, sigmoe_status status) {
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < c->kinds[k].count; i++) {
            const shard *s = &c->kinds[k].shards[i];
            bool useless = status == SIGMOE_OK || (status == SIGMOE_BAD_FORMAT && s == c->opened);
            if (s->url_count > 0 && s->path && useless) unlink(s->path);
        }
}

// ---------------------------------------------------------------- reading

static const shard_list *list_of(const collection *c, int split) {
    return &c->kinds[split == 0 ? TRAIN : VALID];
}

static sigmoe_status open_shard(const void *context, int split, int part, arena *a, byte_source *out) {
    collection *c = *(collection *const *)context;
    const shard *s = &list_of(c, split)->shards[part];
    byte_source file;
    c->opened = s;
    TRY(file_source_open(s->path, a, &file));
    return archive_contents(&file, s->name, a, out);
}

static const char *shard_name(const void *context, int split, int part) {
    return list_of(*(collection *const *)context, split)->shards[part].name;
}

static sigmoe_status describe_source(const publication *p, const collection *c, arena *a, const char **out) {
    *out = arena_text(a, "%s: %d training shard(s) from %s on, %d for validation from %s on", p->name,
        c->kinds[TRAIN].count, base_name(c->kinds[TRAIN].shards[0].name), c->kinds[VALID].count,
        base_name(c->kinds[VALID].shards[0].name));
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status tokenize(const corpus_request *r, const publication *p, collection *c, arena *a) {
    const char *source;
    TRY(describe_source(p, c, a, &source));
    const split_text text = {.name = p->name,
        .source = source,
        .format = SENTENCE_DOCUMENTS,
        .parts = {c->kinds[TRAIN].count, c->kinds[VALID].count, c->kinds[VALID].count},
        .training_parts = p->training_shards,
        .training_bytes = DEFAULT_TRAINING_BYTES,
        .open = open_shard,
        .part_name = shard_name,
        .context = &c};
    sigmoe_status status = tokenize_sentencepiece(&text, r->vocab_size, r->directory, r->observer);
    discard(c, status);
    return status;
}

static sigmoe_status prepare(const corpus_request *r, const publication *p) {
    collection c = {0};
    arena *a;
    TRY(arena_create(p->name, &a));
    sigmoe_status status;
    TRY_OR(done, choose(r, p, a, &c));
    TRY_OR(done, fetch_all(r, &c, a));
    status = tokenize(r, p, &c, a);
done:
    arena_destroy(a);
    return status;
}

sigmoe_status corpus_c4(const corpus_request *request) {
    return prepare(request, &c4);
}
sigmoe_status corpus_pes2o(const corpus_request *request) {
    return prepare(request, &pes2o);
}
