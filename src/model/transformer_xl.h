// The pre-LN Transformer-XL: all layers forward, then backward in mirror order.
#pragma once

#include "model/config.h"
#include "model/xl_memory.h"

typedef struct transformer transformer;

// Declares and allocates; values are undefined until initialized or loaded.
sigmoe_status transformer_create(const model_config *config, parameter_storage storage, transformer **out);
void transformer_destroy(transformer *t);
const model_config *transformer_config(const transformer *t);
parameter_list *transformer_parameters(const transformer *t);
// What the operands of matrix products are stored as from here on: TYPE_REAL (at first), or TYPE_BF16 for mixed precision, where
// values stay what they are and products see their rounded copies.
void transformer_set_operands(transformer *t, dtype operands);

// One segment: tokens step->tokens [B, T]; memory is used and then advanced by this segment.
// Logits [B * T, V] for every position.
sigmoe_status transformer_logits(transformer *t, step_context *step, xl_memory *memory, matrix logits);
// nats [B * T] of targets [B * T]. When step->keep, also adds the gradients of mean(nats) + regularizers to the
// parameters' gradients (the caller zeroes them). step->regularizer is reset first and holds the sum after. Everything in
// step->activations is released on return.
sigmoe_status transformer_loss(
    transformer *t, step_context *step, xl_memory *memory, const int32_t *targets, double *nats);
