// The words of `compare --variants`: "switch", "topk:k=64", "switch:expert_size=512:dropout=0.1".
#pragma once

#include "model/config.h"
#include "paper/variants.h"

typedef struct variant_choice {
    const paper_variant *paper;
    model_config model;
} variant_choice;

// The variant named by `text` applied to `base`, then its options, then its size solved for the base's parameters: d_ff or
// n_subkeys unless an option set it; a mixture of experts keeps the base's N_E·G channels as long as its options leave
// n_experts or expert_size open. Errors name the variant; unknown names come with the nearest known one.
sigmoe_status variant_choose(const char *text, const model_config *base, variant_choice *out);
