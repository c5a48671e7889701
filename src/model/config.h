// The model's configuration as numbers. config/ reads and writes its JSON form, from the option tables here.
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

// The scalar options at the top level of config.json: all but tokenizer, ff and the two of memory_segments.
option_table model_options(void);
// The options "train" and "eval" of memory_segments.
option_table model_memory_options(void);

// Checks ranges, overflow of sizes, and what the variant itself requires.
sigmoe_status model_config_check(const model_config *config);
ff_surroundings model_ff_surroundings(const model_config *config);
