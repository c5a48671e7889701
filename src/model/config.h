// The model's configuration as numbers. The JSON form belongs to config/; the schema here feeds it.
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
