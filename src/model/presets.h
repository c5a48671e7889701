// The paper's configurations, and two small ones.
#pragma once

#include "model/config.h"

typedef struct preset {
    sigmoe_preset about;
    model_config config; // vocab_size as the data set has it
    sigmoe_train_settings settings;
} preset;

int preset_count(void);
// Fills *out. SIGMOE_BAD_ARGUMENT (naming the nearest) for an unknown name.
sigmoe_status preset_at(int index, preset *out);
sigmoe_status preset_named(const char *name, preset *out);
