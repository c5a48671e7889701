// A prepared directory: meta.json and the token shards of train, valid and test.
#pragma once

#include "data/tokenizer.h"
#include "formats/token_shard.h"

typedef struct split_sizes {
    int64_t tokens, bytes, chars, words; // -1: not known
} split_sizes;

typedef struct dataset {
    char directory[4096];
    int64_t vocab_size;
    tokenizer tokenizer;
    char source[256];
    split_sizes train, valid, test;
} dataset;

sigmoe_status dataset_open(const char *directory, dataset *out);       // reads meta.json
const split_sizes *dataset_split(const dataset *d, const char *split); // NULL for an unknown name
// The tokens of a split, as many as meta.json says where it says so: scores are computed with its sizes. Close with
// token_split_close.
sigmoe_status dataset_open_split(const dataset *d, const char *name, token_split **out);
