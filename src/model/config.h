// The model's configuration as numbers. The JSON form belongs to formats/ and train/; the schema here feeds it.
#pragma once

#include "model/feedforward/feedforward.h"

typedef struct model_config {
    int64_t vocab_size, d_model, n_layers, n_heads, d_head;
    double dropout;
    int64_t unroll;                    // T
    int64_t memory_train, memory_eval; // segments
    const ff_variant *variant;
    ff_options ff;
} model_config;

// The scalar options of config.json's top level (all but tokenizer, ff and memory_segments' two).
option_table model_options(void);
// "train" and "eval" of memory_segments.
option_table model_memory_options(void);

// Everything consistent: ranges, overflow of sizes, the variant's own check.
sigmoe_status model_config_check(const model_config *config);
ff_surroundings model_ff_surroundings(const model_config *config);
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
