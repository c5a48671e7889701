// Writes checkpoints (train/checkpoint.h).
#pragma once

#include "train/trainer.h"

// Writes the trainer's state; removes older ones only once this one is safe. Does nothing if the step has a checkpoint. Fails if
// the run's directory is no longer the one that was locked.
sigmoe_status checkpoint_write(trainer *t);
