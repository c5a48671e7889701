// Checkpoints: RUN/checkpoints/<step, eight digits>/, a model directory with trainer.safetensors, trainer.json and a manifest.
// Written under a temporary name and renamed, so one with its final name is complete. Here they are found; see
// train/checkpoint_write.h and train/checkpoint_tidy.h.
#pragma once

#include "base/observer.h"
#include "system/file.h"

// What may follow the step in a directory's name: it is being written; it is being removed; it was found damaged.
#define CHECKPOINT_PARTIAL ".partial"
#define CHECKPOINT_REMOVED ".removed"
#define CHECKPOINT_DAMAGED ".damaged"

// The directory of a run's checkpoint of `step`.
sigmoe_status checkpoint_path(const char *run, int64_t step, char path[PATH_CAPACITY]);
// The step of a checkpoint, from its directory's name.
int64_t checkpoint_step(const char *path);
// The step in a directory's name, which must end with `ending` ("": none); -1 for other names (such as a user's own).
int64_t checkpoint_named_step(const char *name, const char *ending);
// The steps that have a checkpoint, newest first, in the arena.
sigmoe_status checkpoint_steps(const char *run, arena *a, int64_t **steps, int *count);
// The directory of the newest checkpoint. *found is false only if the run certainly has none (it may not exist); a directory
// that cannot be read is an error.
sigmoe_status checkpoint_find(const char *run, char path[PATH_CAPACITY], bool *found);
// The same, but it is an error if there is none.
sigmoe_status checkpoint_newest(const char *run, char path[PATH_CAPACITY]);
// Checks that a checkpoint can be resumed from: reads all of its files and compares their sums.
sigmoe_status checkpoint_check(const char *directory);
// The newest checkpoint of a run that checkpoint_check accepts. Newer ones are told to the observer, which may be NULL; if none
// is accepted, the message is about the newest.
sigmoe_status checkpoint_newest_good(
    const char *run, const sigmoe_observer *observer, char path[PATH_CAPACITY]);
// `path` itself if it is a model directory, the newest checkpoint if it is a run. Every model name that a user gives is
// resolved here.
sigmoe_status model_locate(const char *path, char directory[PATH_CAPACITY]);
// The config.json of the model that `path` resolves to.
sigmoe_status model_config_path(const char *path, char file[PATH_CAPACITY]);
