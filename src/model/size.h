// A model's tensors, multiply-adds and memory, computed from its configuration.
#pragma once

#include "model/config.h"

// Declares all tensors in file order.
sigmoe_status model_declare(const model_config *config, parameter_list *list);
// Counts trainable parameters by declaring them.
sigmoe_status model_parameter_count(const model_config *config, int64_t *count);
// Multiply-adds of one token's forward pass through all layers, with a full memory of `memory` rows before `length`, by part. Those of
// positions, which are the same for all sequences, are not counted.
typedef struct forward_work {
    double projections, attention, feedforward, logits;
} forward_work;
forward_work model_forward_work(const model_config *config, int64_t length, int64_t memory);
// Their sum.
double model_forward_multiply_adds(const model_config *config, int64_t length, int64_t memory);
// Bytes of a model's tensors: values and, with STORE_GRADIENTS or STORE_MOMENTS, what belongs to them; with TYPE_BF16 operands
// also their rounded copies. STORE_MASTERS: without masters.
sigmoe_status model_weight_bytes(
    const model_config *config, parameter_storage storage, dtype operands, double *bytes);
// The same with one of equal parts of each layer's experts.
sigmoe_status model_part_weight_bytes(
    const model_config *config, int64_t parts, parameter_storage storage, dtype operands, double *bytes);
// Bytes of the layers' memories of `rows` positions.
double model_xl_memory_bytes(const model_config *config, int64_t batch, int64_t rows);
// Peak bytes of a training step on [batch, length] tokens with `memory` rows, in its two arenas.
typedef struct model_memory {
    double activations, scratch;
} model_memory;
model_memory model_training_memory(const model_config *config, int64_t batch, int64_t length, int64_t memory,
    sigmoe_recompute recompute, dtype operands);
// The same of a pass without gradients, both arenas together.
double model_inference_memory(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, dtype operands);
