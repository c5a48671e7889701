// Checkpoints: RUN/checkpoints/<step, eight digits>/, a model directory with trainer.safetensors and trainer.json. Written
// aside and renamed, so one that has its name is whole; the newest two are kept, that
// of step 0 only until there is another.
#pragma once

#include "system/file.h"
#include "train/trainer.h"

// Writes the trainer's state; an older one is removed only when this one is safe. Does nothing when the step has one.
sigmoe_status checkpoint_write(trainer *t);
// The directory of a trainer's checkpoint of `step`.
sigmoe_status checkpoint_path(const char *run, int64_t step, char path[PATH_CAPACITY]);
// Steps that have a checkpoint, newest first, in the arena.
sigmoe_status checkpoint_steps(const char *run, arena *a, int64_t **steps, int *count);
// The newest one's directory. *found is false only where it is certain that the run has none (it may not exist); a folder
// that cannot be read is an error.
sigmoe_status checkpoint_find(const char *run, char path[PATH_CAPACITY], bool *found);
// The same; an error when there is none.
sigmoe_status checkpoint_newest(const char *run, char path[PATH_CAPACITY]);
// `path` itself when it is a model directory, the newest checkpoint when it is a run. Every name of a model that a user gives goes
// through here.
sigmoe_status model_locate(const char *path, char directory[PATH_CAPACITY]);
// The config.json of that.
sigmoe_status model_config_path(const char *path, char file[PATH_CAPACITY]);

// The newest checkpoint of `run` and everything that belongs to it; goes on with the bits of an uninterrupted run. The data are
// those in `data_directory`, which must be the same (NULL: where they were when the run began).
sigmoe_status trainer_resume(const char *run, const char *data_directory, int threads, trainer **out);
