// The SHA-256 of each shard's file, as meta.json has them, `splits.train.shards` and so on, by which changed
// data are noticed.
#pragma once

#include "formats/token_shard.h"

#include <jansson.h>

extern const char split_sums_key[]; // "shards"
// Checks this member of a split's object, which may be NULL or lack it.
sigmoe_status split_sums_check(const json_t *split, const char *name);
// Reads the sums of a split from DIRECTORY/meta.json into `claims`; they live in the arena.
sigmoe_status split_sums_read(const char *directory, const char *name, arena *a, split_claims *claims);
// Sets this member of a split's object from its open shards.
sigmoe_status split_sums_put(json_t *split, const token_split *tokens);
