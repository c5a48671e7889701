// What a training is to do when its loss or a gradient is NaN or infinite, and the sentence about it.
#pragma once

#include "model/parameters.h"
#include "model/step.h"
#include "train/step_report.h"

typedef enum not_finite_action { NOT_FINITE_STOP, NOT_FINITE_SKIP, NOT_FINITE_REWIND } not_finite_action;

typedef struct not_finite_policy {
    not_finite_action action;
    double lr_factor; // of a rewind; 1: other batches instead of a lower rate
} not_finite_policy;

enum { ON_NONFINITE = 32 }; // room for a policy's text
// Reads "stop", "skip", "rewind" or "rewind:FACTOR"; NULL is "stop".
sigmoe_status not_finite_policy_read(const char *text, not_finite_policy *out);

// The failure of a step, of which no weight has changed: names the first output of the forward pass that was not finite, or `bad`, the
// first tensor of the backward pass whose gradient was not, or NULL. `clip`: the setting.
sigmoe_status step_not_finite(
    const parameter *bad, double clip, const step_report *report, model_place place);
