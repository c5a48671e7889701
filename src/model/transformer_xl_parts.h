// What a transformer consists of, for the files that run it: a segment at a time (transformer_xl.c), or going on with texts of
// which keys and values are kept (decoder.c).
#pragma once

#include "model/attention.h"
#include "model/transformer_xl.h"

typedef struct layer_parts {
    attention_layer attention;
    parameter *norm_weight, *norm_bias; // LN2
    ff_layer ff;
} layer_parts;

struct transformer {
    model_config config;
    dtype operands;
    const expert_exchange *experts; // borrowed; NULL: this process has all
    parameter_list *parameters;
    arena *memory; // this struct, the layers
    layer_parts *layers;
    arena *tables; // holds sinusoids alone
    matrix
        sinusoids; // [longest M + T so far, d], of the operands' type; a shorter segment uses its last rows
    parameter *embedding, *final_weight, *final_bias, *head_weight, *head_bias;
};
