// N-gram models of the splits of prepared data.
#pragma once

#include "data/ngram.h"
#include "formats/token_shard.h"

// Counts the first `limit` tokens of a split (0: all), with NGRAM_MOST_NODES. Needs 16 bytes for each while it works.
sigmoe_status ngram_train_split(const token_split *source, int64_t limit, int64_t vocab_size, int order,
    arena *a, progress_meter *meter, ngram_model **out);
// Sets nats[k], for each order k of the model, to the mean of -ln P_k over the `scored` >= 1 tokens after token `first`, each
// given all tokens from `first` on. Needs little memory, however long the split.
sigmoe_status ngram_score_split(const ngram_model *m, const token_split *source, int64_t first,
    int64_t scored, progress_meter *meter, double nats[NGRAM_MOST_ORDER + 1]);
