// What a public handle on a model holds, for the chapters that use models.
#pragma once

#include "config/config_file.h"
#include "data/text_codec.h"
#include "model/transformer_xl.h"
#include "model/workspace.h"

struct sigmoe_model {
    sigmoe_config config;
    transformer *transformer;
    workspace work;
    xl_memory *memory; // for `batch` sequences; NULL until the first call after a reset
    int64_t batch;
    uint64_t segments; // processed since the reset; the random routing depends on it
    text_codec *codec; // NULL until there are texts
};

// Makes the codec, where it is not there yet.
sigmoe_status model_open_codec(sigmoe_model *model);
