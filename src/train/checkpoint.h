// Checkpoints: RUN/checkpoints/<step, eight digits>/, a model directory with trainer.safetensors and trainer.json. Written
// under a temporary name and renamed, so one with its final name is complete. The newest two are kept; that of step 0 only
// until there is another.
#pragma once

#include "system/file.h"
#include "train/trainer.h"

// Writes the trainer's state; removes an older one only once this one is safe. Does nothing if the step has a checkpoint.
sigmoe_status checkpoint_write(trainer *t);
// The directory of a run's checkpoint of `step`.
sigmoe_status checkpoint_path(const char *run, int64_t step, char path[PATH_CAPACITY]);
// The step of a checkpoint, from its directory's name.
int64_t checkpoint_step(const char *path);
// The steps that have a checkpoint, newest first, in the arena.
sigmoe_status checkpoint_steps(const char *run, arena *a, int64_t **steps, int *count);
// The directory of the newest checkpoint. *found is false only if the run certainly has none (it may not exist); a directory
// that cannot be read is an error.
sigmoe_status checkpoint_find(const char *run, char path[PATH_CAPACITY], bool *found);
// The same, but it is an error if there is none.
sigmoe_status checkpoint_newest(const char *run, char path[PATH_CAPACITY]);
// `path` itself if it is a model directory, the newest checkpoint if it is a run. Every model name that a user gives is
// resolved here.
sigmoe_status model_locate(const char *path, char directory[PATH_CAPACITY]);
// The config.json of the model that `path` resolves to.
sigmoe_status model_config_path(const char *path, char file[PATH_CAPACITY]);
