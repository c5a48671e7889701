// train.json: the data and settings of a run, and how its settings were changed.
#pragma once

#include "data/dataset.h"
#include "train/watching.h"

// Writes the settings, the seconds between checkpoints, what the run leaves for watching, the data's directory, and the sizes and
// checksums of its splits from meta.json.
sigmoe_status train_json_write(const char *run, const sigmoe_train_settings *settings,
    double checkpoint_seconds, const run_watching *watching, const dataset *data);
// Reads it back and opens the data in `directory` (NULL: their original directory), which must be the data that the run started
// with: SIGMOE_BAD_ARGUMENT if other data are in a directory that was given. checkpoint_seconds may be NULL.
sigmoe_status train_json_read(const char *run, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data);
// Reads what the run leaves for watching; texts live in the arena.
sigmoe_status train_json_watching(const char *run, arena *a, run_watching *out);
// Sets what the run leaves for watching, and the settings that hold from `step` on, the newest checkpoint's, and adds to the history what changed; without a change,
// writes nothing. A process that is killed meanwhile leaves either the former file or the new one.
sigmoe_status train_json_change(
    const char *run, int64_t step, const sigmoe_train_settings *settings, const run_watching *watching);
// Whether the settings were ever changed.
sigmoe_status train_json_is_changed(const char *run, bool *changed);
