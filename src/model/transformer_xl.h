// The pre-LN Transformer-XL: forward through all layers, then backward in reverse order.
#pragma once

#include "model/config.h"
#include "model/xl_memory.h"

typedef struct transformer transformer;

// Declares and allocates the parameters; their values are undefined until initialized or loaded. With STORE_ROUNDED, operands are
// TYPE_BF16.
sigmoe_status transformer_create(const model_config *config, parameter_storage storage, transformer **out);
// The same with a part of each layer's experts, of which other processes have the rest (unless NULL: then it has all). All of them
// do all passes together; some may have no tokens in one.
sigmoe_status transformer_create_part(
    const model_config *config, parameter_storage storage, const expert_exchange *experts, transformer **out);
// Whether other processes have some of the experts, and all have to do each pass.
bool transformer_is_part(const transformer *t);
void transformer_destroy(transformer *t);
const model_config *transformer_config(const transformer *t);
parameter_list *transformer_parameters(const transformer *t);
// Sets the type of the operands of matrix products: TYPE_REAL (the default), or TYPE_BF16 for mixed precision, where parameters
// stay TYPE_REAL and products use their rounded copies.
void transformer_set_operands(transformer *t, dtype operands);
dtype transformer_operands(const transformer *t);

// Processes one segment, tokens step->tokens [B, T], with `memory`, then advances the memory by this segment.
// Logits [B * T, V] for every position.
sigmoe_status transformer_logits(transformer *t, step_context *step, xl_memory *memory, matrix logits);
// nats [B * T] of targets [B * T]. If step->keep, also adds the gradients of mean(nats) + regularizers to the parameters'
// gradients (the caller zeroes them). Resets step->regularizer first, then leaves the regularizers' sum in it. Releases
// everything in step->activations before returning.
//
// Where step->whole says that these tokens are a part of a batch, the mean is over its tokens, and so are the regularizers.
sigmoe_status transformer_loss(
    transformer *t, step_context *step, xl_memory *memory, const int32_t *targets, double *nats);
// A training step's forward pass that leaves nothing but what the routing of the whole batch sums up to, in step->whole->layers.
// The memory stays as it is.
sigmoe_status transformer_sum_routing(transformer *t, step_context *step, xl_memory *memory);
