// Finds the score in the paper that belongs to a model.
#pragma once

#include "paper/presets.h"

// Whether the models are equal except for vocabulary, tokenizer, and the size that is solved for equal parameters.
bool same_model(const model_config *a, const model_config *b);

// The score of the preset for the variant on this base: in the base's form (base "wt-s-moe", variant "switch": "wt-s-switch")
// or, failing that, the printed one. *out is the preset. NaN unless `model` is that preset's model.
double published_score(
    const char *base_name, const paper_variant *variant, const model_config *model, preset *out);
