// A whole training run: steps, validations, checkpoints, progress.
#pragma once

#include "train/trainer.h"

// Trains to the last step of the settings, with metrics, validations, checkpoints and progress, which is reported as `task`.
// If the stop flag is raised: writes a checkpoint (with a run directory) and returns SIGMOE_INTERRUPTED. *result may be
// NULL; its texts are the caller's to free.
sigmoe_status trainer_run(
    trainer *t, const char *task, const sigmoe_observer *observer, sigmoe_train_result *result);
