// train.json: the data and settings of a run, and how its settings were changed. Sealed (formats/json_sealed.h), except in runs
// of version 0.1.0, until something is changed.
#pragma once

#include "data/dataset.h"
#include "train/checkpoint_keep.h"
#include "train/watching.h"

// Reads the file as it is, and checks its seal. Free with json_decref.
sigmoe_status train_json_open(const char *run, json_t **out);
// Writes the settings, the seconds between checkpoints and which are kept, what the run leaves for watching, the data's directory,
// and the sizes and checksums of its splits from meta.json.
sigmoe_status train_json_write(const char *run, const sigmoe_train_settings *settings,
    double checkpoint_seconds, const checkpoint_keep *keep, const run_watching *watching,
    const dataset *data);
// Reads it back and opens the data in `directory` (NULL: their original directory), which must be the data that the run started
// with: SIGMOE_BAD_ARGUMENT if other data are in a directory that was given. checkpoint_seconds may be NULL.
sigmoe_status train_json_read(const char *run, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data);
// Reads which checkpoints the run keeps, and what it leaves for watching; texts live in the arena.
sigmoe_status train_json_kept(const char *run, arena *a, checkpoint_keep *keep, run_watching *watching);
// Sets these two, and the settings that hold from `step` on, the newest checkpoint's, and adds to the history what changed in the
// settings; without a change, writes nothing. A process that is killed meanwhile leaves either the former file or the new one.
sigmoe_status train_json_change(const char *run, int64_t step, const sigmoe_train_settings *settings,
    const checkpoint_keep *keep, const run_watching *watching);
// Whether the settings were ever changed.
sigmoe_status train_json_is_changed(const char *run, bool *changed);
