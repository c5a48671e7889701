// How much of what the processor could do is done.
#pragma once

#include "model/config.h"

// Of a training step, forward and backward, per token, at full memory: two operations a multiply-add.
double training_flops_per_token(const model_config *config);
// The FMA peak of the context's threads, measured at a thread's first call with as many and remembered.
double measured_peak_gflops(const kernel_context *context);
