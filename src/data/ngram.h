// An order-3 n-gram model of bytes: a baseline that any neural model must clearly beat. Interpolated with Witten-Bell weights
// over contexts of 3, 2, 1 and 0 tokens, and finally the uniform distribution:
// P_k(w | h) = (c(h w) + t(h) · P_{k-1}(w | h')) / (c(h) + t(h)),
// where t(h) counts the distinct tokens seen after h and h' is h without its oldest token; P_k = P_{k-1} if h did not occur.
#pragma once

#include "base/arena.h"
#include "base/progress.h"

enum { NGRAM_ORDER = 3, NGRAM_MOST_VOCABULARY = 256 };

typedef struct ngram_model ngram_model;

// Counts `tokens`, each below vocab_size <= NGRAM_MOST_VOCABULARY. The model lives in the arena and does not refer to the
// tokens. Here and below, SIGMOE_INTERRUPTED if the meter's observer asks to stop.
sigmoe_status ngram_train(arena *a, const uint8_t *tokens, int64_t count, int64_t vocab_size,
    progress_meter *meter, ngram_model **out);
// P(next | history), where history is the `known` preceding tokens, oldest first.
double ngram_probability(const ngram_model *m, const uint8_t *history, int64_t known, uint8_t next);
// Mean of -ln P over tokens[1 .. count-1], each given all tokens before it. count >= 2.
sigmoe_status ngram_nats(
    const ngram_model *m, const uint8_t *tokens, int64_t count, progress_meter *meter, double *out);
