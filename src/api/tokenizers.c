// Chapter 5: tokenizers.
#include "config/model_directory.h"
#include "data/text_codec.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

struct sigmoe_tokenizer {
    text_codec *codec;
};

static sigmoe_status open_tokenizer(const tokenizer *t, int64_t vocab_size, sigmoe_tokenizer **out) {
    sigmoe_tokenizer *made = calloc(1, sizeof *made);
    if (!made) return fail(SIGMOE_NO_MEMORY, "no memory for a tokenizer");
    sigmoe_status status = text_codec_open(t, vocab_size, &made->codec);
    if (status == SIGMOE_OK)
        *out = made;
    else
        free(made);
    return status;
}

sigmoe_status sigmoe_tokenizer_of_model(const char *directory, sigmoe_tokenizer **out) {
    char path[PATH_CAPACITY];
    sigmoe_config config;
    if (!directory || !out)
        return fail(SIGMOE_BAD_ARGUMENT, "a tokenizer needs a model's directory and a place for itself");
    TRY(model_locate(directory, path));
    TRY(model_read_config(path, &config));
    return open_tokenizer(&config.tokenizer, config.model.vocab_size, out);
}

sigmoe_status sigmoe_tokenizer_of_data(const char *directory, sigmoe_tokenizer **out) {
    dataset data;
    if (!directory || !out)
        return fail(SIGMOE_BAD_ARGUMENT, "a tokenizer needs a directory of data and a place for itself");
    TRY(dataset_open(directory, &data));
    return open_tokenizer(&data.tokenizer, data.vocab_size, out);
}

void sigmoe_tokenizer_free(sigmoe_tokenizer *t) {
    if (!t) return;
    text_codec_close(t->codec);
    free(t);
}

int64_t sigmoe_tokenizer_vocab_size(const sigmoe_tokenizer *t) {
    return text_codec_vocab_size(t->codec);
}

sigmoe_status sigmoe_tokenizer_encode(const sigmoe_tokenizer *t, const char *text, size_t size, int32_t *ids,
    int64_t capacity, int64_t *count) {
    arena *a;
    int32_t *made;
    TRY(arena_create("tokens", &a));
    sigmoe_status status = text_codec_encode(t->codec, text, size, a, &made, count);
    if (status == SIGMOE_OK && capacity > 0)
        memcpy(ids, made, (size_t)(*count < capacity ? *count : capacity) * sizeof *ids);
    arena_destroy(a);
    return status;
}

// `text` lies in the arena.
static sigmoe_status hand_out(const char *text, size_t size, char **out) {
    *out = malloc(size + 1);
    if (!*out) return fail(SIGMOE_NO_MEMORY, "no memory for a text of %zu bytes", size);
    memcpy(*out, text, size + 1);
    return SIGMOE_OK;
}

sigmoe_status sigmoe_tokenizer_decode(
    const sigmoe_tokenizer *t, const int32_t *ids, int64_t count, char **text, size_t *size) {
    arena *a;
    char *made;
    *text = NULL;
    TRY(arena_create("text", &a));
    sigmoe_status status = text_codec_decode(t->codec, ids, count, a, &made, size);
    if (status == SIGMOE_OK) status = hand_out(made, *size, text);
    arena_destroy(a);
    return status;
}
