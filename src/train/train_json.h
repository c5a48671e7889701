// train.json: what a run was begun with.
#pragma once

#include "data/dataset.h"

// The settings, the seconds between checkpoints, the data's directory, and its splits' sizes and checksums as
// meta.json has them.
sigmoe_status train_json_write(
    const char *run, const sigmoe_train_settings *settings, double checkpoint_seconds, const dataset *data);
// Reads it back and opens the data in `directory` (NULL: where they were), which must still be what the run began with.
// checkpoint_seconds may be NULL.
sigmoe_status train_json_read(const char *run, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data);
