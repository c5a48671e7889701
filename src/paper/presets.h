// The paper's configurations, and a small one.
#pragma once

#include "paper/variants.h"

typedef struct preset {
    sigmoe_preset about;
    model_config config; // vocab_size as the data set has it
    sigmoe_train_settings settings;
    int paper;                    // paper_base, or -1
    const paper_variant *variant; // what it is of its base
    bool code;                    // as the public code's sweep has it, not as printed
} preset;

int preset_count(void);
// Fills *out. SIGMOE_BAD_ARGUMENT (naming the nearest) for an unknown name.
sigmoe_status preset_at(int index, preset *out);
sigmoe_status preset_named(const char *name, preset *out);

// What presets of a base begin with: "wt-s".
const char *preset_base_name(paper_base base);
