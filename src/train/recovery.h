// How a training goes on after a step whose numbers were not finite, or why it does not.
#pragma once

#include "train/trainer.h"

// To be called when a step returned SIGMOE_NOT_FINITE, `failure`: writes the step's line, and does what the policy says
// (train/not_finite.h). SIGMOE_OK: the training goes on, with the trainer's next step. Otherwise the failure again, with the
// reason why it does not.
sigmoe_status trainer_after_not_finite(trainer *t, step_report *report, sigmoe_status failure);
