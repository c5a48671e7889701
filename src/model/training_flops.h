// The cost of a training step.
#pragma once

#include "model/config.h"

// Floating-point operations per token, forward and backward, at full memory; a multiply-add counts as two.
double training_flops_per_token(const model_config *config);
