// A whole training run: steps, validations, checkpoints, progress.
#pragma once

#include "train/trainer.h"

// Steps to the end of the settings, with metrics, validations, checkpoints and progress. `task` is what progress calls it.
// When the stop flag is raised: a checkpoint (with a run directory), then SIGMOE_INTERRUPTED. *result may be NULL; its texts are
// the caller's to free.
sigmoe_status trainer_run(
    trainer *t, const char *task, const sigmoe_observer *observer, sigmoe_train_result *result);
