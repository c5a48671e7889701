// Writes the description of a prepared directory.
#pragma once

#include "data/raw_measure.h"
#include "data/tokenizer.h"

enum { SPLITS = 3 };
extern const char *const split_names[SPLITS]; // train, valid, test

// How a text became splits: shuffled files, each whole in one split; cut at 90 and 95 %; the
// documents of another program, cut between those near 90 and 95 % of the tokens; or they were given.
extern const char split_by_files[], split_by_position[], split_by_documents[], split_by_source[];

typedef struct split_content {
    raw_measure raw;
    int64_t tokens;
    int64_t unknown; // of them, where the tokenizer may have no token for a piece of text
    int64_t files;   // it consists of; 0: not counted
} split_content;

typedef struct dataset_content {
    int64_t skipped_lines; // of the files; -1: none might be
    bool tokens_only;      // the raw text is not known
    int64_t vocab_size;
    const tokenizer *tokenizer;
    const char *source;
    const char *split_by;    // one of those above
    split_content *splits;   // [SPLITS]; their hashes are finished by writing
    json_t *tokenizer_model; // how a trained tokenizer came about, or NULL; owned by the caller
} dataset_content;

// Writes DIRECTORY/meta.json. Texts are allocated from `a`.
sigmoe_status dataset_write_meta(const char *directory, const dataset_content *content, arena *a);
