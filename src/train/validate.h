// Scores a model during training.
#pragma once

#include "train/trainer.h"

// The model's current score on a split: `batch` streams, evaluation's memory, the first `limit_tokens` (0: all). Does not
// affect training. `observer` may be NULL.
sigmoe_status trainer_score(trainer *t, const char *split, int64_t batch, int64_t limit_tokens,
    const sigmoe_observer *observer, sigmoe_scores *scores);
// What the model makes of the prompt (train/sample.h), in the arena.
sigmoe_status trainer_sample(trainer *t, const char *prompt, arena *a, const char **text);
