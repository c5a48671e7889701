// Learning rate and gradient clipping factor of a step.
#pragma once

#include "sigmoe.h"

// lr/W·(t+1) in the W warm-up steps, then lr/2·(1 + cos(π·(t-W)/N)), or lr if the schedule is constant; t counts from 0.
double learning_rate(const sigmoe_train_settings *settings, int64_t step);
// The factor that limits the gradients' norm to `clip`: min(1, clip/(norm + 1e-6)); 1 if clip is 0.
double clip_factor(double clip, double norm);
