// What turns text into token ids. (Bytes now; a SentencePiece model joins behind the same struct.)
#pragma once

#include "base/arena.h"

#include <jansson.h>

typedef enum tokenizer_type { TOKENIZER_NONE, TOKENIZER_BYTES, TOKENIZER_SENTENCEPIECE } tokenizer_type;

typedef struct tokenizer {
    tokenizer_type type;
    int alphabet_size; // bytes: token id i is byte alphabet[i], ascending
    uint8_t alphabet[256];
} tokenizer;

// The "tokenizer" object of config.json and meta.json. `path` names the place for errors.
sigmoe_status tokenizer_from_json(const json_t *object, const char *path, tokenizer *out);
sigmoe_status tokenizer_to_json(const tokenizer *t, json_t **out);
int64_t tokenizer_vocab_size(const tokenizer *t); // 0 where it does not say
bool tokenizer_equal(const tokenizer *a, const tokenizer *b);
