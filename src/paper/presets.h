// The configurations of the paper, and a small one.
#pragma once

#include "paper/variants.h"

typedef struct preset {
    sigmoe_preset about;
    model_config config; // with the data set's vocab_size
    sigmoe_train_settings settings;
    int paper;                    // paper_base or -1
    const paper_variant *variant; // how it derives from its base
    bool code;                    // as in the public code's sweep instead of as printed
} preset;

int preset_count(void);
// Fills *out. An unknown name: SIGMOE_BAD_ARGUMENT, with the nearest name.
sigmoe_status preset_at(int index, preset *out);
sigmoe_status preset_named(const char *name, preset *out);

// What the names of a base's presets begin with: "wt-s".
const char *preset_base_name(paper_base base);
