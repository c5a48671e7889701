#include "data/dataset.h"

#include "data/split_sums.h"
#include "data/text_counter.h"
#include "formats/json_options.h"
#include "system/file.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

// A size that meta.json may omit; if present, it must be a count.
static sigmoe_status read_size(const json_t *split, const char *name, const char *key, int64_t *size) {
    const json_t *value = json_object_get(split, key);
    *size = -1;
    if (!value) return SIGMOE_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return fail(SIGMOE_BAD_FORMAT, "\"splits.%s.%s\" must be a count", name, key);
    *size = json_integer_value(value);
    return SIGMOE_OK;
}

static sigmoe_status read_split(const json_t *splits, const char *name, split_sizes *out) {
    const json_t *split = json_object_get(splits, name);
    if (split && !json_is_object(split))
        return fail(SIGMOE_BAD_FORMAT, "\"splits.%s\" must be an object", name);
    TRY(split_sums_check(split, name));
    TRY(read_size(split, name, "tokens", &out->tokens));
    TRY(read_size(split, name, "bytes", &out->bytes));
    TRY(read_size(split, name, "chars", &out->chars));
    return read_size(split, name, "words", &out->words);
}

static sigmoe_status read_splits(const json_t *meta, dataset *out) {
    const json_t *splits = json_object_get(meta, "splits");
    if (splits && !json_is_object(splits))
        return fail(SIGMOE_BAD_FORMAT, "\"splits\" must be an object with train, valid and test");
    TRY(read_split(splits, "train", &out->train));
    TRY(read_split(splits, "valid", &out->valid));
    return read_split(splits, "test", &out->test);
}

static sigmoe_status read_meta(const json_t *meta, dataset *out) {
    const json_t *vocab_size = json_object_get(meta, "vocab_size");
    out->vocab_size = json_integer_value(vocab_size);
    if (!json_is_integer(vocab_size) || out->vocab_size < 1 || out->vocab_size > INT32_MAX)
        return fail(SIGMOE_BAD_FORMAT, "\"vocab_size\" must be an integer in 1..%d", INT32_MAX);
    TRY(tokenizer_from_json(json_object_get(meta, "tokenizer"), "tokenizer", &out->tokenizer));
    TRY(tokenizer_check_size(&out->tokenizer, out->vocab_size));
    const char *source = json_string_value(json_object_get(meta, "source"));
    snprintf(out->source, sizeof out->source, "%s", source ? source : "");
    return read_splits(meta, out);
}

// If meta.json has the hash of the tokenizer's model and the file is there, the file must have that hash.
static sigmoe_status check_model(const json_t *meta, dataset *out) {
    tokenizer *t = &out->tokenizer;
    const json_t *said = json_object_get(json_object_get(meta, "tokenizer_model"), "sha256");
    if (t->type != TOKENIZER_SENTENCEPIECE) return SIGMOE_OK;
    if (said && json_string_length(said) != SHA256_HEX - 1)
        return fail(SIGMOE_BAD_FORMAT, "\"tokenizer_model.sha256\" must be %d digits", SHA256_HEX - 1);
    TRY(tokenizer_find_model(t, out->directory));
    if (said && t->model_sha256[0] && strcmp(t->model_sha256, json_string_value(said)) != 0)
        return fail(SIGMOE_BAD_FORMAT, "tokenizer.model beside it is damaged or another one: its SHA-256 is "
                                       "not \"tokenizer_model.sha256\"");
    if (said) snprintf(t->model_sha256, sizeof t->model_sha256, "%s", json_string_value(said));
    return SIGMOE_OK;
}

// If the input is not prepared data, says what it probably is: a text, a part of prepared data, or a folder of texts.
static sigmoe_status no_data(const char *name) {
    struct stat about;
    char parent[PATH_CAPACITY], beside[PATH_CAPACITY];
    if (stat(name, &about) != 0) return fail_errno("there is no data in %s", name);
    if (S_ISDIR(about.st_mode))
        return fail(SIGMOE_IO,
            "%s is no prepared data: it has no meta.json; `sigmoe_prepare(text, FILE..., out)` makes data of "
            "texts",
            name);
    TRY(path_parent(name, parent));
    TRY(path_format(beside, "%s/meta.json", parent));
    if (path_exists(beside))
        return fail(SIGMOE_IO, "%s is a file of prepared data: name its directory, %s", name, parent);
    return fail(SIGMOE_IO,
        "%s is a file, not prepared data: `sigmoe_prepare(text, %s, out)` makes data of a text, and `out` is "
        "what to name here",
        name, name);
}

sigmoe_status dataset_open(const char *directory, dataset *out) {
    char path[PATH_CAPACITY];
    json_t *meta;
    *out = (dataset){0};
    TRY(path_format(out->directory, "%s", directory));
    TRY(path_format(path, "%s/meta.json", directory));
    if (!path_exists(path)) return no_data(directory);
    TRY(json_read_object(path, &meta));
    sigmoe_status status = read_meta(meta, out);
    if (status == SIGMOE_OK) status = check_model(meta, out);
    json_decref(meta);
    return status == SIGMOE_OK ? status : fail_in(status, "%s", path);
}

const split_sizes *dataset_split(const dataset *d, const char *split) {
    if (strcmp(split, "train") == 0) return &d->train;
    if (strcmp(split, "valid") == 0) return &d->valid;
    if (strcmp(split, "test") == 0) return &d->test;
    return NULL;
}

// ---------------------------------------------------------------- part of a split

// A size that is unknown for the whole split is reported as unknown for a part, too: the two are shown together.
static split_sizes sizes_of_part(
    const split_sizes *whole, int64_t tokens, int64_t chars, const text_counter *counter) {
    return (split_sizes){.tokens = tokens,
        .bytes = whole->bytes < 0 ? -1 : tokens,
        .chars = whole->chars < 0 ? -1 : chars,
        .words = whole->words < 0 ? -1 : counter->words};
}

static split_sizes unknown_part(int64_t tokens) {
    return (split_sizes){.tokens = tokens, .bytes = -1, .chars = -1, .words = -1};
}

static void count_text(const tokenizer *t, const int32_t *ids, int64_t count, text_counter *counter) {
    for (int64_t i = 0; i < count; i++) text_counter_add(counter, &t->alphabet[ids[i]], 1);
}

split_sizes dataset_sizes_of(
    const dataset *d, const char *split, const int32_t *ids, int64_t streams, int64_t length) {
    text_counter all = {0};
    int64_t chars = 0;
    if (d->tokenizer.type != TOKENIZER_BYTES) return unknown_part(streams * length);
    for (int64_t s = 0; s < streams; s++) {
        text_counter one = {0};
        count_text(&d->tokenizer, ids + s * length, length, &one);
        chars += text_counter_chars(&one);
        all.words += one.words;
    }
    return sizes_of_part(dataset_split(d, split), streams * length, chars, &all);
}

sigmoe_status dataset_part_sizes(const dataset *d, const char *split, const token_split *tokens,
    int64_t first, int64_t count, split_sizes *out) {
    enum { BLOCK = 1 << 12 };
    int32_t ids[BLOCK];
    text_counter counter = {0};
    *out = unknown_part(count);
    if (d->tokenizer.type != TOKENIZER_BYTES) return SIGMOE_OK;
    for (int64_t done = 0; done < count;) {
        int64_t here = count - done < BLOCK ? count - done : BLOCK;
        TRY(token_split_copy(tokens, first + done, here, ids));
        count_text(&d->tokenizer, ids, here, &counter);
        done += here;
    }
    *out = sizes_of_part(dataset_split(d, split), count, text_counter_chars(&counter), &counter);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- tokens

// Opens the split with what meta.json says of it.
static sigmoe_status open_claimed(
    const dataset *d, const char *name, const split_sizes *sizes, arena *a, token_split **out) {
    split_claims claims = {.tokens = sizes->tokens};
    TRY(split_sums_read(d->directory, name, a, &claims));
    return token_split_open(d->directory, name, d->vocab_size, &claims, out);
}

sigmoe_status dataset_open_split(const dataset *d, const char *name, token_split **out) {
    const split_sizes *sizes = dataset_split(d, name);
    arena *a;
    if (!sizes)
        return fail(SIGMOE_BAD_ARGUMENT, "there is no split \"%.40s\": use train, valid or test", name);
    TRY(arena_create("sums of shards", &a));
    sigmoe_status status = open_claimed(d, name, sizes, a, out);
    arena_destroy(a);
    return status;
}

// Data that another program wrote may lack a split, of which meta.json then says nothing.
static bool has_split(const dataset *d, const char *name) {
    char one[PATH_CAPACITY], first[PATH_CAPACITY];
    if (dataset_split(d, name)->tokens >= 0) return true;
    if (path_format(one, "%s/%s.bin", d->directory, name) != SIGMOE_OK) return true;
    if (path_format(first, "%s/%s_000000.bin", d->directory, name) != SIGMOE_OK) return true;
    return path_exists(one) || path_exists(first);
}

static sigmoe_status verify_split(const dataset *d, const char *name, const sigmoe_observer *observer) {
    token_split *split;
    progress_meter meter;
    char task[32];
    snprintf(task, sizeof task, "verify %s", name);
    TRY(dataset_open_split(d, name, &split));
    progress_begin(&meter, observer, task, "bytes", 0, (double)token_split_bytes(split));
    sigmoe_status status = token_split_verify(split, &meter);
    if (status == SIGMOE_OK) progress_end(&meter);
    token_split_close(split);
    return status;
}

sigmoe_status dataset_verify(const dataset *d, const sigmoe_observer *observer) {
    static const char *const names[] = {"train", "valid", "test"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has_split(d, names[i])) TRY(verify_split(d, names[i], observer));
    return SIGMOE_OK;
}
