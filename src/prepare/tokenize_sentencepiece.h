// Tokens of a SentencePiece model trained on the corpus itself: byte-pair merges, digits as separate tokens.
#pragma once

#include "prepare/raw_text.h"
#include "prepare/split_text.h"

enum {
    DEFAULT_PIECES = 8000,
    DEFAULT_TRAINING_BYTES = 1 << 30, // of which the trainer needs about twice as much memory
};

// Writes tokenizer.model, the shards of the three splits and meta.json into an existing directory. Sentences are encoded one by
// one; a newline gives no token. vocab_size 0: DEFAULT_PIECES. The bits do not depend on observer->threads.
sigmoe_status tokenize_sentencepiece(
    const split_text *text, int64_t vocab_size, const char *directory, const sigmoe_observer *observer);
// The same for a text that has been surveyed, to be cut into splits at the positions where tokenize_bytes would cut it.
sigmoe_status tokenize_raw_sentencepiece(const raw_text *text, const raw_survey *survey, int64_t vocab_size,
    const char *directory, const sigmoe_observer *observer);
