// Which of the paper's scores belongs to a model.
#pragma once

#include "paper/presets.h"

// Equal but for what data and matching set: vocabulary, tokenizer, and the size that is solved for equal parameters.
bool same_model(const model_config *a, const model_config *b);

// The score of the preset that stands for the variant on this base, in the base's form (base "wt-s-moe", variant "switch":
// "wt-s-switch"); else of the printed one. *out is the preset. NaN unless `model` is that preset's.
double published_score(
    const char *base_name, const paper_variant *variant, const model_config *model, preset *out);
