#include "data/tokenizer.h"

#include <inttypes.h>
#include <string.h>

static const char *const type_names[] = {"none", "bytes", "sentencepiece"};
enum { TYPES = sizeof type_names / sizeof *type_names };

static sigmoe_status read_type(const json_t *object, const char *path, tokenizer_type *type) {
    const char *name = json_string_value(json_object_get(object, "type"));
    for (int i = 0; name && i < TYPES; i++) {
        if (strcmp(name, type_names[i]) != 0) continue;
        *type = (tokenizer_type)i;
        return SIGMOE_OK;
    }
    return fail(SIGMOE_BAD_FORMAT, "\"%s.type\" must be bytes, sentencepiece or none", path);
}

static sigmoe_status read_alphabet(const json_t *alphabet, const char *path, tokenizer *t) {
    size_t size = json_array_size(alphabet); // 0 for what is no array
    if (size < 1 || size > 256)
        return fail(SIGMOE_BAD_FORMAT, "\"%s.alphabet\" must be an array of 1 to 256 byte values", path);
    int64_t previous = -1;
    for (size_t i = 0; i < size; i++) {
        const json_t *item = json_array_get(alphabet, i);
        int64_t byte = json_integer_value(item);
        if (!json_is_integer(item) || byte > 255 || byte <= previous)
            return fail(SIGMOE_BAD_FORMAT,
                "\"%s.alphabet\": entry %zu must be a byte value above the one before it", path, i);
        t->alphabet[i] = (uint8_t)byte;
        previous = byte;
    }
    t->alphabet_size = (int)size;
    return SIGMOE_OK;
}

sigmoe_status tokenizer_from_json(const json_t *object, const char *path, tokenizer *out) {
    tokenizer t = {0};
    if (!json_is_object(object)) return fail(SIGMOE_BAD_FORMAT, "\"%s\" must be an object", path);
    TRY(read_type(object, path, &t.type));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        bool known = strcmp(key, "type") == 0 || (t.type == TOKENIZER_BYTES && strcmp(key, "alphabet") == 0);
        if (!known) return fail(SIGMOE_BAD_FORMAT, "unknown key \"%s.%.80s\"", path, key);
    }
    if (t.type == TOKENIZER_BYTES) TRY(read_alphabet(json_object_get(object, "alphabet"), path, &t));
    *out = t;
    return SIGMOE_OK;
}

sigmoe_status tokenizer_to_json(const tokenizer *t, json_t **out) {
    json_t *object = json_pack("{s:s}", "type", type_names[t->type]);
    int failed = object == NULL;
    if (t->type == TOKENIZER_BYTES) {
        json_t *alphabet = json_array();
        for (int i = 0; i < t->alphabet_size; i++)
            failed |= json_array_append_new(alphabet, json_integer(t->alphabet[i]));
        failed |= json_object_set_new(object, "alphabet", alphabet);
    }
    if (failed) {
        json_decref(object);
        return fail(SIGMOE_NO_MEMORY, "no memory for the tokenizer's description");
    }
    *out = object;
    return SIGMOE_OK;
}

int64_t tokenizer_vocab_size(const tokenizer *t) {
    return t->type == TOKENIZER_BYTES ? t->alphabet_size : 0;
}

sigmoe_status tokenizer_check_size(const tokenizer *t, int64_t vocab_size) {
    int64_t said = tokenizer_vocab_size(t);
    if (!said || said == vocab_size) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "\"vocab_size\" is %" PRId64 ", but the alphabet has %" PRId64 " byte%s",
        vocab_size, said, plural(said));
}

bool tokenizer_equal(const tokenizer *a, const tokenizer *b) {
    bool hashes_known = a->model_sha256[0] && b->model_sha256[0];
    return a->type == b->type && a->alphabet_size == b->alphabet_size &&
           memcmp(a->alphabet, b->alphabet, (size_t)a->alphabet_size) == 0 &&
           (!hashes_known || strcmp(a->model_sha256, b->model_sha256) == 0);
}

sigmoe_status tokenizer_find_model(tokenizer *t, const char *directory) {
    char path[PATH_CAPACITY];
    if (t->type != TOKENIZER_SENTENCEPIECE) return SIGMOE_OK;
    TRY(path_format(path, "%s/tokenizer.model", directory));
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(sha256_file(path, t->model_sha256));
    return path_format(t->model_path, "%s", path);
}

static sigmoe_status write_copy(const tokenizer *t, const file_map *model, const char *path) {
    struct sha256_ctx state;
    char hash[SHA256_HEX];
    sha256_init(&state);
    if (model->size) sha256_update(&state, model->size, model->bytes);
    sha256_hex(&state, hash);
    if (strcmp(hash, t->model_sha256) != 0)
        return fail(SIGMOE_IO, "%s is not what it was when it was first read", t->model_path);
    return file_write(path, model->bytes, model->size);
}

sigmoe_status tokenizer_copy_model(const tokenizer *t, const char *directory) {
    char path[PATH_CAPACITY];
    file_map model;
    if (!t->model_path[0]) return SIGMOE_OK;
    TRY(path_format(path, "%s/tokenizer.model", directory));
    TRY(file_map_open(t->model_path, &model));
    sigmoe_status status = write_copy(t, &model, path);
    file_map_close(&model);
    return status;
}
