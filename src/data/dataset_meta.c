#include "data/dataset_meta.h"

#include "data/split_sums.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/file.h"

const char *const split_names[SPLITS] = {"train", "valid", "test"};

const char split_by_files[] = "shuffle-files", split_by_position[] = "sequential",
           split_by_documents[] = "documents", split_by_source[] = "given";

static json_t *split_as_json(split_content *s, bool tokens_only) {
    char hash[SHA256_HEX];
    if (tokens_only) return json_pack("{s:I}", "tokens", (json_int_t)s->tokens);
    sha256_hex(&s->raw.hash, hash);
    json_t *files = s->files > 0 ? json_integer(s->files) : NULL;
    return json_pack("{s:I, s:I, s:I, s:I, s:s, s:o*}", "tokens", (json_int_t)s->tokens, "bytes",
        (json_int_t)s->raw.bytes, "chars", (json_int_t)text_counter_chars(&s->raw.counter), "words",
        (json_int_t)s->raw.counter.words, "sha256", hash, "files", files);
}

// With the sums of its shards, which are read back for them: what is on the disk counts.
static sigmoe_status put_split(
    const char *directory, const dataset_content *content, int split, json_t *splits) {
    const char *name = split_names[split];
    split_content *s = &content->splits[split];
    json_t *object = split_as_json(s, content->tokens_only);
    token_split *tokens;
    TRY(json_put(splits, name, object));
    const split_claims claims = {.tokens = s->tokens};
    TRY(token_split_open(directory, name, content->vocab_size, &claims, &tokens));
    sigmoe_status status = split_sums_put(object, tokens);
    token_split_close(tokens);
    return status;
}

static sigmoe_status put_splits(const char *directory, const dataset_content *content, json_t *splits) {
    for (int i = 0; i < SPLITS; i++) TRY(put_split(directory, content, i, splits));
    return SIGMOE_OK;
}

sigmoe_status dataset_write_meta(const char *directory, const dataset_content *content, arena *a) {
    char path[PATH_CAPACITY];
    json_t *tokenizer_json;
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(tokenizer_to_json(content->tokenizer, &tokenizer_json));
    json_t *splits = json_object();
    sigmoe_status status = put_splits(directory, content, splits);
    json_t *skipped = content->skipped_lines < 0 ? NULL : json_integer(content->skipped_lines);
    json_t *meta = json_pack("{s:I, s:o, s:O*, s:o, s:s, s:o*, s:o}", "vocab_size",
        (json_int_t)content->vocab_size, "tokenizer", tokenizer_json, "tokenizer_model",
        content->tokenizer_model, "source", json_name(content->source, a), "split_by", content->split_by,
        "skipped_lines", skipped, "splits", splits);
    if (status == SIGMOE_OK && !meta) status = fail(SIGMOE_NO_MEMORY, "no memory for %s", path);
    return json_save(status, path, meta);
}
