// The attention block of a layer: a(x) = W_out · relative_attention(LN1(x), LN1([memory; x])).
#pragma once

#include "model/config.h"
#include "model/step.h"
#include "model/xl_memory.h"

// Its tensors, in the order in which `attention_declare` declares them.
typedef enum attention_tensor {
    ATTENTION_NORM_WEIGHT,
    ATTENTION_NORM_BIAS,
    ATTENTION_Q,
    ATTENTION_K,
    ATTENTION_V,
    ATTENTION_POSITION,
    ATTENTION_OUT,
    ATTENTION_CONTENT_BIAS,
    ATTENTION_POSITION_BIAS,
    ATTENTION_SCALE,
    ATTENTION_TENSORS,
} attention_tensor;

sigmoe_status attention_declare(const model_config *config, int layer, parameter_list *list);

typedef struct attention_layer {
    const model_config *config;
    parameter_list *parameters;
    int first; // index of ATTENTION_NORM_WEIGHT
    int layer;
} attention_layer;

// What the backward pass needs, in step->activations. R = B * (M + T) rows with memory, N = B * T without.
typedef struct attention_saved attention_saved;

// x [N, d] -> y [N, d], overwritten. sinusoids [M + T, d]: row r is for distance r - (M + T - 1). `memory` is only read.
// x and y are TYPE_REAL; sinusoids are an operand, of type step->operands.
sigmoe_status attention_block_forward(const attention_layer *layer, step_context *step,
    const xl_memory *memory, matrix sinusoids, matrix x, matrix y, attention_saved **saved);
// Adds the gradient through the block to dx [N, d], and its tensors' gradients to theirs. dy [N, d], an operand, is only read
// and may be dx.
sigmoe_status attention_block_backward(const attention_layer *layer, step_context *step,
    attention_saved *saved, matrix sinusoids, matrix dy, matrix dx);

// Bytes that the forward pass leaves in step->activations; bytes of scratch memory that the backward pass takes.
double attention_saved_bytes(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, dtype operands);
double attention_scratch_bytes(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, dtype operands);
// sinusoids [length, width]: even columns sin(p·f_m), odd cos(p·f_m), f_m = 10000^(-2m/width), p = row - (length - 1).
void attention_sinusoids(matrix sinusoids);
