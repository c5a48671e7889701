// What is known of the contents of large shards from reading them before, so that a training on 100 GB of tokens does not begin
// with reading them. The facts are in $XDG_CACHE_HOME/sigmoe/shards, or ~/.cache/sigmoe/shards, each with the state of the file
// that it is about. Whatever is damaged, of another file or of an earlier state of it, is as if it were not there. So is
// everything where there is no such directory, or it cannot be written: then shards are read each time.
#pragma once

#include "system/file_state.h"
#include "system/sha256.h"

typedef struct shard_content {
    char sha256[SHA256_HEX]; // of the whole file
    int64_t highest;         // token id; -1: it has no tokens
} shard_content;

// Files from this size on are kept; smaller ones are read as fast as the cache.
enum { SHARD_CACHE_LEAST = 8 << 20 };

bool shard_cache_find(const file_state *state, shard_content *out);
// Does nothing if the file was changed a moment ago, since a further change might not show in its state.
void shard_cache_keep(const file_state *state, const shard_content *content);
