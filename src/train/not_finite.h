// What a training does when its loss or a gradient is NaN or infinite.
#pragma once

#include "train/trainer.h"

typedef enum not_finite_action { NOT_FINITE_STOP, NOT_FINITE_SKIP, NOT_FINITE_REWIND } not_finite_action;

typedef struct not_finite_policy {
    not_finite_action action;
    double lr_factor; // of a rewind; 1: other batches instead of a lower rate
} not_finite_policy;

// Reads "stop", "skip", "rewind" or "rewind:FACTOR"; NULL is "stop".
sigmoe_status not_finite_policy_read(const char *text, not_finite_policy *out);

// The failure of a step, of which no weight has changed: names the first output of the forward pass that was not finite, or the
// first gradient of the backward pass.
sigmoe_status refuse_not_finite(const trainer *t, const step_report *report, model_place place);

// To be called with that failure when a step returned it: writes the step's line, and does what the policy says. SIGMOE_OK: the
// training goes on, with the trainer's next step. Otherwise the failure again, with the reason why it does not.
sigmoe_status trainer_after_not_finite(trainer *t, step_report *report, sigmoe_status failure);
