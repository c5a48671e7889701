// Scores a model on a split: the split in B parallel streams, evaluation's memory, nothing left out except what B does not
// divide. Windows of T tokens follow each other or overlap. If they overlap, each moves on by a stride S and only its last S
// tokens are scored (all tokens of the first window), so that every token has at least T - S tokens before it in its window.
// The memory holds the text before the window, as computed in the first S tokens of earlier windows.
#pragma once

#include "config/train_settings.h" // SCORE_STREAMS
#include "data/dataset.h"
#include "model/feedforward/statistics.h"
#include "model/transformer_xl.h"

typedef struct evaluation {
    transformer *model;
    kernel_context kernel;
    arena *activations;
    const token_split *tokens;
    const dataset *data; // the data set and split of the tokens: for scores per character, byte and word
    const char *split;
    int64_t batch, memory_segments;
    int64_t stride;                  // S, at most the model's unroll T; 0: T
    int64_t limit_tokens;            // only this many tokens; 0: all
    const char *task;                // for progress
    int rank;                        // of the processes that share the streams; 0 without an exchange
    const batch_exchange *exchange;  // NULL: this process scores all of them
    const sigmoe_observer *observer; // may be NULL
    ff_statistics *statistics;       // counts what the feedforward blocks do; NULL: nothing is counted
    // Called between windows, since scoring can take long; a failure ends the scoring. NULL: not called.
    sigmoe_status (*between)(void *context);
    void *between_context;
} evaluation;

// Checks that the first `limit_tokens` (0: all) of a split can be scored in SCORE_STREAMS; `name` is the limit's name.
sigmoe_status scoring_check(const dataset *data, const char *split, const char *name, int64_t limit_tokens);
// SIGMOE_INTERRUPTED if the stop flag was raised.
sigmoe_status evaluate(const evaluation *e, sigmoe_scores *scores);
// The raw sizes for `scored` tokens after the first of a split. If a limit selects a part of the split, the part's own sizes;
// otherwise the whole split's, although the first token and up to B - 1 tokens after the streams are not scored.
sigmoe_status scored_sizes(const dataset *data, const char *split, const token_split *tokens,
    int64_t limit_tokens, int64_t scored, split_sizes *out);
// The scores for a mean of `nats_per_token` over text of these sizes.
sigmoe_scores scores_of(double nats_per_token, int64_t tokens, const split_sizes *sizes);
