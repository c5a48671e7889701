// Tokens of a SentencePiece model that is trained on the corpus itself: merges of byte pairs, digits apart.
#pragma once

#include "data/raw_text.h"
#include "data/split_text.h"

enum {
    DEFAULT_PIECES = 8000,
    // A vocabulary is trained on at most so many bytes of sentences: of a larger text, on a sample of its sentences.
    TRAINING_BYTES = 1 << 30,
};

// Writes tokenizer.model, the three splits' shards and meta.json into an existing directory. Sentences are encoded one by
// one, a newline gives no token. vocab_size 0: DEFAULT_PIECES. The bits do not depend on observer->threads.
sigmoe_status tokenize_sentencepiece(
    const split_text *text, int64_t vocab_size, const char *directory, const sigmoe_observer *observer);
// The same for a text that is yet to be cut into splits, where tokenize_bytes would cut it.
sigmoe_status tokenize_raw_sentencepiece(
    const raw_text *text, int64_t vocab_size, const char *directory, const sigmoe_observer *observer);
// How many of a text's `bytes` the training may take, as the share of its sentences that is drawn: 1 where all fit.
double sentencepiece_training_share(int64_t bytes, int64_t budget);
