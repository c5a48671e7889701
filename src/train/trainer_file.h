// The files that a checkpoint has besides the model, used only for resuming: trainer.safetensors (Adam's moments, the layers'
// memories) and trainer.json (counters). The checkpoint's manifest ties its files together.
#pragma once

#include "train/trainer.h"

extern const char *const trainer_file_names[]; // both, and NULL

// Writes them into `directory`, which already has the model. Refuses non-finite values, which resuming would not accept.
sigmoe_status trainer_file_write(const trainer *t, const char *directory);
// Reads the checkpoint of `step`, which checkpoint_check found whole, and checks every value.
sigmoe_status trainer_file_read(trainer *t, const char *directory, int64_t step);
