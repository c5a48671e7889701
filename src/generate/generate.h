// Continues texts: the implementation of sigmoe_generate.
#pragma once

#include "data/text_codec.h"
#include "model/decoder.h"

typedef struct generator {
    transformer *model;
    const workspace *work;
    const text_codec *codec;
} generator;

// results [prompt_count]: texts are NULL after a failure.
sigmoe_status generate_texts(const generator *g, const sigmoe_generate_request *request,
    const sigmoe_observer *observer, sigmoe_generation *results);
