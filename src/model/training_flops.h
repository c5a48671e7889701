// What a training step computes.
#pragma once

#include "model/config.h"

// Operations per token, forward and backward, at full memory: two a multiply-add.
double training_flops_per_token(const model_config *config);
