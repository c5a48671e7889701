// Which checkpoints a run keeps, and how the others go.
#pragma once

#include "base/observer.h"
#include "base/status.h"

#include <jansson.h>

typedef struct checkpoint_keep {
    int64_t newest; // so many, with all that resuming needs; that of step 0 only until there is another
    int64_t every;  // also those of every so many steps; 0: none
    bool best;      // also that of the best validation
} checkpoint_keep;

extern const checkpoint_keep checkpoint_keep_default;

sigmoe_status checkpoint_keep_check(const checkpoint_keep *keep);
// The object "keep" of train.json, and back; NULL, as in runs of version 0.1.0, is the default.
json_t *checkpoint_keep_to_json(const checkpoint_keep *keep);
sigmoe_status checkpoint_keep_from_json(const json_t *object, checkpoint_keep *keep);

// Removes what is not kept, and what a killed process left half written or half removed. Kept checkpoints that are not among the
// newest lose the optimizer's state, and are models from then on. `best`: the step of the best validation, or -1. A checkpoint
// that is removed gets another name first, so that one with its own name is always whole. What cannot be removed is told to the
// observer and tried again with the next checkpoint. The caller holds the run's lock.
void checkpoints_tidy(
    const char *run, const checkpoint_keep *keep, int64_t best, const sigmoe_observer *observer);
// Gives checkpoints of later steps than this one, which are damaged, names that nobody takes for checkpoints. They stay until the
// run has a checkpoint of that step again.
sigmoe_status checkpoints_set_aside(const char *run, int64_t step);
