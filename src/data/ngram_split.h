// N-gram models of the splits of prepared data.
#pragma once

#include "data/ngram.h"
#include "formats/token_shard.h"

// Counts what a training reads that goes through a split in `streams` of equal length (data/batch_stream.h), `each` tokens of
// every stream but at most the whole stream, and at most `most` in all; sets *counted. With NGRAM_MOST_NODES. Where one stream's
// part ends and the next begins, a few contexts are counted that the text does not have. Needs 16 bytes for each token while it
// works.
sigmoe_status ngram_train_streams(const token_split *source, int64_t streams, int64_t each, int64_t most,
    int64_t vocab_size, int order, arena *a, progress_meter *meter, ngram_model **out, int64_t *counted);
// Sets nats[k], for each order k of the model, to the mean of -ln P_k over the `scored` >= 1 tokens after token `first`, each
// given all tokens from `first` on. Needs little memory, however long the split.
sigmoe_status ngram_score_split(const ngram_model *m, const token_split *source, int64_t first,
    int64_t scored, progress_meter *meter, double nats[NGRAM_MOST_ORDER + 1]);
