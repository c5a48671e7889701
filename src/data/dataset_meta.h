// Writes the description of a prepared directory.
#pragma once

#include "data/raw_measure.h"
#include "data/tokenizer.h"

enum { SPLITS = 3 };
extern const char *const split_names[SPLITS]; // train, valid, test

typedef struct split_content {
    raw_measure raw;
    int64_t tokens;
    int64_t unknown; // of them, where the tokenizer may have no token for a piece of text
} split_content;

typedef struct dataset_content {
    int64_t skipped_lines; // of the files; -1: none might be
    int64_t vocab_size;
    const tokenizer *tokenizer;
    const char *source;
    split_content *splits;   // [SPLITS]; their hashes are finished by writing
    json_t *tokenizer_model; // how a trained tokenizer came about, or NULL; owned by the caller
} dataset_content;

// Writes DIRECTORY/meta.json. Texts are allocated from `a`.
sigmoe_status dataset_write_meta(const char *directory, const dataset_content *content, arena *a);
