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

sigmoe_status dataset_open(const char *directory, dataset *out); // reads meta.json
// What people call the text: "GCIDE", or the names of the files that it was made from, without the folders they were in.
enum { DATASET_NAME = 128 };
void dataset_name(const dataset *d, char name[DATASET_NAME]);
const split_sizes *dataset_split(const dataset *d, const char *split); // NULL for an unknown name
// The raw sizes of tokens [first, first + count) of a split; -1 where the split's own are -1. If tokens are bytes, the part is
// counted as a text of its own; for other tokenizers, only the token count is known.
sigmoe_status dataset_part_sizes(const dataset *d, const char *split, const token_split *tokens,
    int64_t first, int64_t count, split_sizes *out);
// The same for tokens at `ids`, in `streams` texts of equal length.
split_sizes dataset_sizes_of(
    const dataset *d, const char *split, const int32_t *ids, int64_t streams, int64_t length);
// The tokens of a split. Their number must match meta.json if it has one, since scores are computed with its sizes, and so must
// the SHA-256 of each shard; a large shard that was read before and whose file has not been touched since is not read for
// that. Close with token_split_close.
sigmoe_status dataset_open_split(const dataset *d, const char *name, token_split **out);
// Reads all shards of all splits, also those that were read before, and compares them with their sums.
sigmoe_status dataset_verify(const dataset *d, const sigmoe_observer *observer);
