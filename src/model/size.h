// A model's tensors, multiply-adds and memory, computed from its configuration.
#pragma once

#include "model/config.h"

// Declares all tensors in file order.
sigmoe_status model_declare(const model_config *config, parameter_list *list);
// Counts trainable parameters by declaring them.
sigmoe_status model_parameter_count(const model_config *config, int64_t *count);
// Multiply-adds of one token's forward pass through the whole model, with a full memory of `memory` rows before `length`.
double model_forward_multiply_adds(const model_config *config, int64_t length, int64_t memory);
// Peak bytes of a training step on [batch, length] tokens with `memory` rows, in its two arenas.
typedef struct model_memory {
    double activations, scratch;
} model_memory;
model_memory model_training_memory(const model_config *config, int64_t batch, int64_t length, int64_t memory,
    sigmoe_recompute recompute, dtype operands);
