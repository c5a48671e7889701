// How much of what the processor could do is done.
#pragma once

#include "model/config.h"

// Of a training step, forward and backward, per token, at full memory: two operations a multiply-add.
double training_flops_per_token(const model_config *config);
// flops_per_second over the measured peak of the context's threads; measured at the first call, then remembered.
double fraction_of_peak(const kernel_context *context, double flops_per_second);
