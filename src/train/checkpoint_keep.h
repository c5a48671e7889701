// Which checkpoints a run keeps (train/checkpoint_tidy.h removes the others).
#pragma once

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
