// The corpora that `prepare` knows: one file each, one line each in corpora.inc.
#pragma once

#include "prepare/inputs.h"
#include "prepare/raw_text.h"
#include "prepare/split_text.h"

typedef struct corpus_request {
    const corpus_input *inputs;
    int input_count;
    bool raw;              // text: the files' bytes as they are, whatever they hold
    bool skip_bad_lines;   // of JSON: they are counted, not refused
    const char *directory; // exists; takes the shards and meta.json, and vanishes if preparing fails
    const char *download;  // how paths, outside of `directory`, of what a later try may resume begin
    tokenizer_type tokenizer;
    int64_t vocab_size;                 // of a tokenizer that is trained; 0: the usual
    int64_t train_shards, valid_shards; // how many of them are taken; 0: all
    const sigmoe_observer *observer;
} corpus_request;

typedef struct corpus {
    const char *name;
    const char *help;         // what it takes, in one line
    bool sharded;             // understands train_shards and valid_shards
    tokenizer_type tokenizer; // the usual one
    bool tokenizer_fixed;     // the only one
    sigmoe_status (*prepare)(const corpus_request *request);
} corpus;

#define CORPUS(name, function, sharded, tokenizer, fixed, help)                                              \
    sigmoe_status function(const corpus_request *request);
#include "prepare/corpora.inc"
#undef CORPUS

// Where an installed dict-gcide has its text; a test names another place, so that it asks nothing of its machine.
extern const char *corpus_gcide_installed;

int corpus_count(void);
const corpus *corpus_at(int index);
