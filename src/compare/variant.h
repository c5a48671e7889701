// The syntax of `compare --variants`: "switch", "topk:k=64", "switch:expert_size=512:dropout=0.1".
#pragma once

#include "model/config.h"
#include "paper/variants.h"

typedef struct variant_choice {
    const paper_variant *paper;
    model_config model;
} variant_choice;

// Applies the variant named by `text` to `base`, then its options, then solves its size for the base's parameters: d_ff or
// n_subkeys unless an option set it. A mixture of experts keeps the base's N_E·G channels if its options leave n_experts or
// expert_size open. Errors name the variant; for unknown names they suggest the nearest known one.
sigmoe_status variant_choose(const char *text, const model_config *base, variant_choice *out);
