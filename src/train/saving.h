// When a trainer writes its state: at the steps that are due, by the clock, and when its observer asks.
#pragma once

#include "train/trainer.h"

// A checkpoint of the step that is done, where the trainer has a run directory.
sigmoe_status trainer_save(trainer *t);
// Saves when the observer has asked to since the last time, and the run is under way.
sigmoe_status trainer_save_if_asked(trainer *t);
