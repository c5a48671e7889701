// Token shards in the llm.c layout: a header of 256 int32 (magic, version, count), then uint16 (20240520, 1) or uint32
// (20240801, 7) tokens. A split is NAME.bin or, beyond 2^31 - 1 tokens, NAME_000000.bin, NAME_000001.bin, ...
#pragma once

#include "base/arena.h"
#include "base/progress.h"

typedef struct token_split token_split; // all shards of one split, open

// What is said of a split elsewhere, and must be so.
typedef struct split_claims {
    int64_t tokens;            // of all shards together; -1: not said
    int shards;                // how many there are, each with
    const char *const *sha256; // [shards] the SHA-256 of its file, in order; NULL: not said
} split_claims;

// Every token id is checked against vocab_size on opening, and again whenever it is copied. The shards are read for their sums
// unless these are known (formats/shard_cache.h). `claims` may be NULL: nothing is said.
sigmoe_status token_split_open(const char *directory, const char *split, int64_t vocab_size,
    const split_claims *claims, token_split **out);
void token_split_close(token_split *split);
int64_t token_split_count(const token_split *split);
int token_split_shards(const token_split *split);
// The SHA-256 of the file of shard `index` when it was opened, in hexadecimal; lives as long as the split.
const char *token_split_sha256(const token_split *split, int index);
// Copies tokens [first, first + count) as int32; the range must be valid. SIGMOE_BAD_FORMAT if a shard that it reads is not
// what it was when it was opened. Not thread-safe.
sigmoe_status token_split_copy(const token_split *split, int64_t first, int64_t count, int32_t *out);
// Reads all shards and compares them with their sums, whatever is known of them from reading them before. The meter counts
// bytes from where it is on.
sigmoe_status token_split_verify(const token_split *split, progress_meter *meter);
int64_t token_split_bytes(const token_split *split); // of all files

typedef struct token_writer token_writer;
// Writes a stream of tokens with ids < vocab_size into shards of at most `shard_tokens` (0: 2^31 - 1), under temporary names
// until committed.
sigmoe_status token_writer_open(
    const char *directory, const char *split, int64_t vocab_size, int64_t shard_tokens, token_writer **out);
sigmoe_status token_writer_add(token_writer *w, const int32_t *tokens, int64_t count);
sigmoe_status token_writer_commit(token_writer *w); // frees w
void token_writer_abandon(token_writer *w);
