// The files that a checkpoint has besides the model, used only for resuming: trainer.safetensors (Adam's moments, the layers'
// memories) and trainer.json (counters, and checksums that tie the files of a checkpoint together).
#pragma once

#include "train/trainer.h"

// Writes them into `directory`, which already has the model. Refuses non-finite values, which resuming would not accept.
sigmoe_status trainer_file_write(const trainer *t, const char *directory);
// Reads the checkpoint of `step` and checks every value. Checkpoints from before there were checksums are read without them.
sigmoe_status trainer_file_read(trainer *t, const char *directory, int64_t step);
