// How checkpoints go that are not kept, that are damaged, or that a killed process left unfinished.
#pragma once

#include "base/observer.h"
#include "train/checkpoint_keep.h"

// Removes what is not kept, and what a killed process left half written or half removed. Kept checkpoints that are not among the
// newest lose the optimizer's state, and are models from then on. `best`: the step of the best validation, or -1. A checkpoint
// that is removed gets another name first, so that one with its own name is always whole. What cannot be removed is told to the
// observer and tried again with the next checkpoint. The caller holds the run's lock.
void checkpoints_tidy(
    const char *run, const checkpoint_keep *keep, int64_t best, const sigmoe_observer *observer);
// Gives checkpoints of later steps than this one, which are damaged, names that nobody takes for checkpoints. They stay until the
// run has a checkpoint of that step again.
sigmoe_status checkpoints_set_aside(const char *run, int64_t step);
