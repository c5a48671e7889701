// The tokenizer's identity, as far as data and models must agree on it.
#pragma once

#include "system/file.h"
#include "system/sha256.h"

#include <jansson.h>

typedef enum tokenizer_type { TOKENIZER_NONE, TOKENIZER_BYTES, TOKENIZER_SENTENCEPIECE } tokenizer_type;

typedef struct tokenizer {
    tokenizer_type type;
    int alphabet_size; // bytes: token id i is byte alphabet[i], ascending
    uint8_t alphabet[256];
    // sentencepiece: the model file and its hash; "" if unknown
    char model_path[PATH_CAPACITY];
    char model_sha256[SHA256_HEX];
} tokenizer;

// Reads the "tokenizer" object of config.json or meta.json. `path` is its location in error messages.
sigmoe_status tokenizer_from_json(const json_t *object, const char *path, tokenizer *out);
sigmoe_status tokenizer_to_json(const tokenizer *t, json_t **out);
int64_t tokenizer_vocab_size(const tokenizer *t); // 0 where it does not say
// Checks that a vocabulary has as many tokens as the tokenizer, if that says how many.
sigmoe_status tokenizer_check_size(const tokenizer *t, int64_t vocab_size);
// SentencePiece models are equal if their hashes are equal or one hash is unknown.
bool tokenizer_equal(const tokenizer *a, const tokenizer *b);

// sentencepiece: uses tokenizer.model in the directory as the model, if there is one.
sigmoe_status tokenizer_find_model(tokenizer *t, const char *directory);
// Copies the model into a directory as tokenizer.model; does nothing if there is none.
sigmoe_status tokenizer_copy_model(const tokenizer *t, const char *directory);
