// What a model of a configuration consists of and costs: tensors, multiply-adds, memory.
#pragma once

#include "model/config.h"

// Declares all tensors in file order.
sigmoe_status model_declare(const model_config *config, parameter_list *list);
// Trainable parameters, by declaring.
sigmoe_status model_parameter_count(const model_config *config, int64_t *count);
// Multiply-adds of one token's forward pass through the whole model at full memory, with `memory` rows before `length`.
double model_forward_multiply_adds(const model_config *config, int64_t length, int64_t memory);
// Most bytes that a training step on [batch, length] tokens with `memory` rows has in its two arenas.
typedef struct model_memory {
    double activations, scratch;
} model_memory;
model_memory model_training_memory(const model_config *config, int64_t batch, int64_t length, int64_t memory,
    sigmoe_recompute recompute, dtype operands);
