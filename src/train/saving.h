// When a trainer saves its state: at the steps that are due, by the clock, and when its observer asks.
#pragma once

#include "train/trainer.h"

// Writes a checkpoint of the last step, if the trainer has a run directory.
sigmoe_status trainer_save(trainer *t);
// Saves if the observer has asked for it since the last save and the run is in progress.
sigmoe_status trainer_save_if_asked(trainer *t);
