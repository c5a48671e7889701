// train.json: the settings and data that a run was started with.
#pragma once

#include "data/dataset.h"

// Writes the settings, the seconds between checkpoints, the data's directory, and the sizes and checksums of its splits from
// meta.json.
sigmoe_status train_json_write(
    const char *run, const sigmoe_train_settings *settings, double checkpoint_seconds, const dataset *data);
// Reads it back and opens the data in `directory` (NULL: their original directory), which must be the data that the run started
// with. checkpoint_seconds may be NULL.
sigmoe_status train_json_read(const char *run, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data);
