// The files that a checkpoint has besides the model, used only for resuming: trainer.safetensors (Adam's moments, the layers'
// memories) and trainer.json (counters). The checkpoint's manifest ties its files together.
#pragma once

#include "train/team_files.h"
#include "train/trainer.h"

extern const char *const trainer_file_names[]; // both, and NULL

// Describes trainer.safetensors as team_files_write takes it; in the arena. Refuses non-finite values, which resuming would not accept.
sigmoe_status trainer_file_list(const trainer *t, arena *a, team_file *out);
// Writes trainer.json into `directory`.
sigmoe_status trainer_file_write_counters(const trainer *t, const char *directory);
// Reads the checkpoint of `step`, which checkpoint_check found whole, and checks every value.
sigmoe_status trainer_file_read(trainer *t, const char *directory, int64_t step);
