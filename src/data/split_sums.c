#include "data/split_sums.h"

#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/path.h"
#include "system/sha256.h"

#include <string.h>

const char split_sums_key[] = "shards";
enum { MOST_SHARDS = 1000000, DIGITS = SHA256_HEX - 1 };

static bool is_sum(const json_t *item) {
    const char *text = json_string_value(item);
    return text && json_string_length(item) == DIGITS && strspn(text, "0123456789abcdef") == DIGITS;
}

sigmoe_status split_sums_check(const json_t *split, const char *name) {
    const json_t *sums = json_object_get(split, split_sums_key), *item;
    size_t i, count = json_array_size(sums); // 0 for what is no array
    if (!sums) return SIGMOE_OK;
    if (count < 1 || count > MOST_SHARDS)
        return fail(SIGMOE_BAD_FORMAT, "\"splits.%s.%s\" must be an array of the SHA-256 of each shard", name,
            split_sums_key);
    json_array_foreach(sums, i, item) {
        if (!is_sum(item))
            return fail(SIGMOE_BAD_FORMAT, "\"splits.%s.%s\": entry %zu must be a SHA-256 of %d digits", name,
                split_sums_key, i, DIGITS);
    }
    return SIGMOE_OK;
}

static sigmoe_status copy_sums(const json_t *sums, arena *a, split_claims *claims) {
    size_t i;
    const json_t *item;
    const char **copies;
    TRY(ARENA_NEW(a, copies, json_array_size(sums)));
    json_array_foreach(sums, i, item) {
        copies[i] = arena_text(a, "%s", json_string_value(item));
        if (!copies[i]) return SIGMOE_NO_MEMORY;
    }
    claims->shards = (int)json_array_size(sums);
    claims->sha256 = copies;
    return SIGMOE_OK;
}

sigmoe_status split_sums_read(const char *directory, const char *name, arena *a, split_claims *claims) {
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(json_read_object(path, &meta));
    const json_t *split = json_object_get(json_object_get(meta, "splits"), name);
    sigmoe_status status = split_sums_check(split, name); // once more: it may have been replaced
    if (status == SIGMOE_OK && json_object_get(split, split_sums_key))
        status = copy_sums(json_object_get(split, split_sums_key), a, claims);
    json_decref(meta);
    return status;
}

sigmoe_status split_sums_put(json_t *split, const token_split *tokens) {
    json_t *sums = json_array();
    TRY(json_put(split, split_sums_key, sums));
    for (int i = 0; i < token_split_shards(tokens); i++)
        if (json_array_append_new(sums, json_string(token_split_sha256(tokens, i))) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for the sums of shards");
    return SIGMOE_OK;
}
