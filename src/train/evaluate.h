// A model's score on a split: the split in B parallel streams, evaluation's memory, nothing left out but what B does not
// divide. Windows of T tokens follow each other, or overlap: then each moves on by a stride S and only its last S tokens are
// scored (all of the first one's), so that every token has T - S before it in its window. The memory is of the text before
// the window, as the earlier windows' first S tokens left it.
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
    const dataset *data; // what they are of, and the split's name: for the scores by character, byte and word
    const char *split;
    int64_t batch, memory_segments;
    int64_t stride;                  // S, at most the model's unroll T; 0: T
    int64_t limit_tokens;            // only the first so many; 0: all
    const char *task;                // for progress
    const sigmoe_observer *observer; // may be NULL
    ff_statistics *statistics;       // counts what the feedforward blocks do; NULL: nothing is counted
    // Called between windows, since a score can take long; a failure ends it. NULL: nothing is.
    sigmoe_status (*between)(void *context);
    void *between_context;
} evaluation;

// Whether the first `limit_tokens` (0: all) of a split can be scored in SCORE_STREAMS; `name` is what the limit is called.
sigmoe_status scoring_check(const dataset *data, const char *split, const char *name, int64_t limit_tokens);
// SIGMOE_INTERRUPTED when the stop flag was raised.
sigmoe_status evaluate(const evaluation *e, sigmoe_scores *scores);
// The raw sizes that `scored` tokens behind the first of a split count with: of a part, which a limit below all of the split
// makes, its own. Of the whole split all that it has, though the first token, and up to B - 1 behind the streams, are not scored.
sigmoe_status scored_sizes(const dataset *data, const char *split, const token_split *tokens,
    int64_t limit_tokens, int64_t scored, split_sizes *out);
// The scores of a mean of `nats_per_token` over text of these sizes.
sigmoe_scores scores_of(double nats_per_token, int64_t tokens, const split_sizes *sizes);
