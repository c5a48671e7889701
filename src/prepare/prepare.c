#include "prepare/prepare.h"

#include "base/option.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "prepare/corpus.h"
#include "prepare/fetch/fetch.h"
#include "prepare/split_scores.h"
#include "system/output_directory.h"

#include <string.h>

enum { MOST_PIECES = 1 << 20 };

static sigmoe_status find_corpus(const char *kind, const corpus **out) {
    enum { MOST_CORPORA = 32 };
    const char *names[MOST_CORPORA];
    int count = corpus_count() < MOST_CORPORA ? corpus_count() : MOST_CORPORA;
    for (int i = 0; i < count; i++) {
        names[i] = corpus_at(i)->name;
        if (strcmp(names[i], kind) != 0) continue;
        *out = corpus_at(i);
        return SIGMOE_OK;
    }
    return fail(SIGMOE_BAD_ARGUMENT, "unknown corpus \"%.80s\"%s", kind,
        option_hint("", kind, names, count, NULL).text);
}

static sigmoe_status choose_tokenizer(
    const corpus *c, const sigmoe_prepare_request *request, tokenizer_type *out) {
    const char *name = request->tokenizer;
    *out = c->tokenizer;
    if (name && strcmp(name, "bytes") == 0)
        *out = TOKENIZER_BYTES;
    else if (name && strcmp(name, "sentencepiece") == 0)
        *out = TOKENIZER_SENTENCEPIECE;
    else if (name)
        return fail(SIGMOE_BAD_ARGUMENT, "there is no tokenizer \"%.40s\": use bytes or sentencepiece", name);
    if (c->tokenizer_fixed && *out != c->tokenizer)
        return fail(SIGMOE_BAD_ARGUMENT, "the tokenizer of %s is sentencepiece", c->name);
    if (request->vocab_size < 0 || request->vocab_size > MOST_PIECES)
        return fail(SIGMOE_BAD_ARGUMENT, "a vocabulary of %lld: it may have 1 to %d tokens (0: the usual)",
            (long long)request->vocab_size, MOST_PIECES);
    if (request->vocab_size && *out != TOKENIZER_SENTENCEPIECE)
        return fail(SIGMOE_BAD_ARGUMENT,
            "a vocabulary's size can be chosen for the tokenizer sentencepiece only: bytes come as they are");
    return SIGMOE_OK;
}

static sigmoe_status choose_split(const corpus *c, const sigmoe_prepare_request *request, split_way *out) {
    const char *name = request->split;
    *out = SPLIT_USUAL;
    if (name && c->prepare != corpus_text)
        return fail(SIGMOE_BAD_ARGUMENT, "%s has splits of its own: `split` is for text", c->name);
    if (name && strcmp(name, split_by_files) == 0)
        *out = SPLIT_SHUFFLE_FILES;
    else if (name && strcmp(name, split_by_position) == 0)
        *out = SPLIT_SEQUENTIAL;
    else if (name)
        return fail(SIGMOE_BAD_ARGUMENT, "there is no way to split \"%.40s\": use %s or %s", name,
            split_by_files, split_by_position);
    return SIGMOE_OK;
}

static sigmoe_status check_shards(const corpus *c, const sigmoe_prepare_request *request) {
    if (request->train_shards < 0 || request->valid_shards < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "the number of shards must be 0 (all) or more");
    if (!c->sharded && (request->train_shards || request->valid_shards))
        return fail(SIGMOE_BAD_ARGUMENT, "%s has no shards that could be counted", c->name);
    return SIGMOE_OK;
}

// Replacing `out`, or what an earlier run left of it, must not remove an input.
static sigmoe_status keep_inputs(const sigmoe_prepare_request *request, const char *out) {
    for (int i = 0; i < request->input_count; i++)
        TRY(output_directory_spares(out, request->inputs[i], "the input", "output"));
    return SIGMOE_OK;
}

static sigmoe_status check_options(const corpus *c, const sigmoe_prepare_request *request) {
    if (request->raw && c->prepare != corpus_text)
        return fail(SIGMOE_BAD_ARGUMENT, "%s cannot be taken raw: only text can", c->name);
    if (request->skip_bad_lines && !c->sharded)
        return fail(SIGMOE_BAD_ARGUMENT, "%s has no lines of JSON that could be bad", c->name);
    return SIGMOE_OK;
}

static sigmoe_status add_sources(const char *directory, json_t *sources) {
    char path[PATH_CAPACITY];
    json_t *meta;
    if (json_array_size(sources) == 0) return SIGMOE_OK;
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(json_read_object(path, &meta));
    return json_save(json_put(meta, "sources", json_incref(sources)), path, meta);
}

static sigmoe_status prepare_in(const corpus *c, const found_files *found, corpus_request *r, arena *a) {
    corpus_input *inputs;
    TRY(inputs_collect(found, r->directory, r->observer, a, &inputs));
    r->inputs = inputs;
    r->input_count = found->count;
    r->skipped = found->skipped;
    TRY(c->prepare(r));
    inputs_remove_copies(inputs, found->count);
    TRY(add_sources(r->directory, r->sources));
    return split_scores_add(r->directory, r->observer);
}

// Writes to a temporary directory: a failure or interruption leaves nothing but downloads, which the next try uses.
static sigmoe_status prepare_aside(const corpus *c, const sigmoe_prepare_request *request,
    const found_files *found, const char *out, corpus_request *r, arena *a) {
    char download[PATH_CAPACITY];
    output_directory directory;
    TRY(output_begin(&directory, out, OUTPUT_DATA, request->force));
    sigmoe_status status = output_beside(&directory, "download", download);
    r->directory = directory.partial;
    r->download = download;
    if (status == SIGMOE_OK) status = prepare_in(c, found, r, a);
    TRY(output_end(&directory, status));
    fetch_forget(download, request->inputs, request->input_count);
    return SIGMOE_OK;
}

static sigmoe_status find_and_prepare(
    const corpus *c, const sigmoe_prepare_request *request, const char *out, corpus_request *r, arena *a) {
    bool text = c->prepare == corpus_text;
    found_files found;
    TRY((text ? find_files : take_files)(request->inputs, request->input_count, a, &found));
    return prepare_aside(c, request, &found, out, r, a);
}

sigmoe_status prepare_data(const sigmoe_prepare_request *request, const sigmoe_observer *observer) {
    const corpus *c = NULL;
    char out[PATH_CAPACITY];
    arena *a;
    if (!request->kind || !request->out)
        return fail(SIGMOE_BAD_ARGUMENT, "prepare needs a kind of corpus and an output directory");
    corpus_request r = {.given = request->inputs,
        .given_count = request->input_count,
        .raw = request->raw,
        .skip_bad_lines = request->skip_bad_lines,
        .vocab_size = request->vocab_size,
        .train_shards = request->train_shards,
        .valid_shards = request->valid_shards,
        .offline = request->offline,
        .observer = observer};
    TRY(find_corpus(request->kind, &c));
    TRY(choose_tokenizer(c, request, &r.tokenizer));
    TRY(choose_split(c, request, &r.split));
    TRY(check_shards(c, request));
    TRY(check_options(c, request));
    TRY(path_of_output(out, request->out));
    if (!request->force) TRY(output_check(out, false)); // before the work, not after it
    TRY(keep_inputs(request, out));
    TRY(arena_create("inputs", &a));
    r.sources = json_array();
    sigmoe_status status = r.sources ? find_and_prepare(c, request, out, &r, a)
                                     : fail(SIGMOE_NO_MEMORY, "no memory for sources");
    json_decref(r.sources);
    arena_destroy(a);
    return status;
}
