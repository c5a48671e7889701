#include "data/dataset_meta.h"

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

sigmoe_status dataset_write_meta(const char *directory, const dataset_content *content, arena *a) {
    char path[PATH_CAPACITY];
    json_t *tokenizer_json;
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(tokenizer_to_json(content->tokenizer, &tokenizer_json));
    json_t *splits = json_object();
    for (int i = 0; i < SPLITS; i++)
        json_object_set_new(splits, split_names[i], split_as_json(&content->splits[i], content->tokens_only));
    json_t *skipped = content->skipped_lines < 0 ? NULL : json_integer(content->skipped_lines);
    json_t *meta = json_pack("{s:I, s:o, s:O*, s:o, s:s, s:o*, s:o}", "vocab_size",
        (json_int_t)content->vocab_size, "tokenizer", tokenizer_json, "tokenizer_model",
        content->tokenizer_model, "source", json_name(content->source, a), "split_by", content->split_by,
        "skipped_lines", skipped, "splits", splits);
    if (!meta || json_object_size(splits) != SPLITS) {
        json_decref(meta);
        return fail(SIGMOE_NO_MEMORY, "no memory for %s", path);
    }
    sigmoe_status status = json_write(path, meta);
    json_decref(meta);
    return status;
}
