// What a checkpoint holds besides the model, for resuming alone: trainer.safetensors (Adam's moments, the layers' memories)
// and trainer.json (counters, and the checksums that keep the files of one checkpoint together).
#pragma once

#include "train/trainer.h"

// Into `directory`, where the model is written already. Values that are not finite are refused: no resume would take them.
sigmoe_status trainer_file_write(const trainer *t, const char *directory);
// Back from the checkpoint of `step`, every value checked. Checkpoints of before there were checksums have none to check.
sigmoe_status trainer_file_read(trainer *t, const char *directory, int64_t step);
