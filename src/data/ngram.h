// N-gram models of tokens: baselines that any neural model must clearly beat. The model of order k looks at the last k tokens
// (order 1 is the bigram). It is interpolated with Witten-Bell weights over contexts of k, k - 1, ..., 0 tokens, and finally
// the uniform distribution:
// P_k(w | h) = (c(h w) + t(h) · P_{k-1}(w | h')) / (c(h) + t(h)),
// where t(h) counts the distinct tokens seen after h and h' is h without its oldest token; P_k = P_{k-1} if h did not occur.
// So the model of the highest order contains all the lower ones, and one pass scores all of them.
#pragma once

#include "base/arena.h"
#include "base/progress.h"

enum {
    NGRAM_MOST_ORDER = 5,
    NGRAM_MOST_VOCABULARY = 1 << 20,
    // Distinct n-grams of all lengths, 12 bytes each: 480 MB. A model that needs more has a lower order.
    NGRAM_MOST_NODES = 40000000,
};

typedef struct ngram_model ngram_model;

// Counts `tokens`, each below vocab_size <= NGRAM_MOST_VOCABULARY, for orders up to `order` <= NGRAM_MOST_ORDER. The model lives
// in the arena and does not refer to the tokens; while it is counted, 12 bytes more are needed for each token. A model of more
// than `most_nodes` (>= vocab_size) n-grams gets the highest order that does with so many. Here and below, SIGMOE_INTERRUPTED if the
// meter's observer asks to stop.
sigmoe_status ngram_train(arena *a, const int32_t *tokens, int64_t count, int64_t vocab_size, int order,
    int64_t most_nodes, progress_meter *meter, ngram_model **out);
int ngram_order(const ngram_model *m); // of the model: at most what was asked for

// The last tokens of a text, as far as the model knows them.
typedef struct ngram_history {
    uint32_t nodes[NGRAM_MOST_ORDER + 1]; // of the last 0, 1, ... tokens; NGRAM_UNSEEN if these did not occur
} ngram_history;
#define NGRAM_UNSEEN UINT32_MAX

void ngram_history_begin(ngram_history *h); // no tokens yet
// Sets probabilities[k] to P_k(next | history) for each order k from 0 to the model's, then adds `next` to the history.
void ngram_next(const ngram_model *m, ngram_history *h, int32_t next, double *probabilities);
