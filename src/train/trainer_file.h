// The files that a checkpoint has besides the model, used only for resuming: trainer.safetensors (Adam's moments, the layers'
// memories) and trainer.json (counters). The checkpoint's manifest ties its files together.
#pragma once

#include "train/collect_tensors.h"
#include "train/trainer.h"

extern const char *const trainer_file_names[]; // both, and NULL

// Writes them into `directory`, which already has the model. Refuses non-finite values, which resuming would not accept.
// The collector brings what other ranks have.
sigmoe_status trainer_file_write(const trainer *t, const char *directory, tensor_collector *c);
// Takes part in it for a trainer that is not rank 0, and writes nothing: gives rank 0 what this one's layers remember,
// and its part of the moments.
sigmoe_status trainer_file_share(const trainer *t);
// Reads the checkpoint of `step`, which checkpoint_check found whole, and checks every value.
sigmoe_status trainer_file_read(trainer *t, const char *directory, int64_t step);
