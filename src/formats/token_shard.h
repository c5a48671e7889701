// Token shards in the llm.c layout: a header of 256 int32 (magic, version, count), then uint16 (20240520, 1) or uint32
// (20240801, 7) tokens. A split is NAME.bin or, beyond 2^31 - 1 tokens, NAME_000000.bin, NAME_000001.bin, ...
#pragma once

#include "base/arena.h"

typedef struct token_split token_split; // all shards of one split, open

// Every token id is checked against vocab_size on opening, and again whenever it is copied.
sigmoe_status token_split_open(
    const char *directory, const char *split, int64_t vocab_size, token_split **out);
void token_split_close(token_split *split);
int64_t token_split_count(const token_split *split);
// Copies tokens [first, first + count) as int32; the range must be valid. Fails if another process has since truncated a shard
// or written invalid ids into it.
sigmoe_status token_split_copy(const token_split *split, int64_t first, int64_t count, int32_t *out);

typedef struct token_writer token_writer;
// Writes a stream of tokens with ids < vocab_size into shards of at most `shard_tokens` (0: 2^31 - 1), under temporary names
// until committed.
sigmoe_status token_writer_open(
    const char *directory, const char *split, int64_t vocab_size, int64_t shard_tokens, token_writer **out);
sigmoe_status token_writer_add(token_writer *w, const int32_t *tokens, int64_t count);
sigmoe_status token_writer_commit(token_writer *w); // frees w
void token_writer_abandon(token_writer *w);
