// The feedforward blocks as operators of ONNX.
#pragma once

#include "interchange/onnx_graph.h"
#include "model/config.h"
#include "model/parameters.h"

typedef struct onnx_model {
    const model_config *config;
    const parameter_list *weights;
    onnx_graph *graph;
    arena *arena;
    const char *input; // token ids [B, n]
} onnx_model;

// A tensor of the model, "layers.<layer>.<name>", or <name> itself for layer -1. It becomes part of the graph.
const char *onnx_weight(const onnx_model *m, int layer, const char *name);
// x [..., in] times the transpose of a weight [out, in].
const char *onnx_linear(const onnx_model *m, const char *x, int layer, const char *name);

// SIGMOE_BAD_ARGUMENT: no operators express such a block.
sigmoe_status onnx_block_check(const model_config *config);
// x [B, n, d] -> [B, n, d]
const char *onnx_block(const onnx_model *m, int layer, const char *x);
