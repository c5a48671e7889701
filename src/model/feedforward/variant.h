// What the variants share: the names of their tensors, and the arena for what the backward pass needs.
#pragma once

#include "model/feedforward/feedforward.h"

#define FF_VARIANT(name) extern const ff_variant ff_variant_##name;
#include "model/feedforward/feedforward.inc"
#undef FF_VARIANT

enum { ROWS_PER_TASK = 32 }; // loops over tokens are cut into blocks of this many, whatever the thread count

// Declares "layers.<layer>.ff.<declaration.name>".
sigmoe_status ff_declare(parameter_list *list, int layer, parameter_declaration declaration);

// sqrt(2 / L): the scale of initial weights in a pre-LN model of L layers.
double ff_init_scale(const ff_surroundings *around);

// The layer's tensor `index`, in declaration order; its value and gradient as matrices.
static inline parameter *ff_tensor(const ff_layer *layer, int index) {
    return parameters_at(layer->parameters, layer->first + index);
}

static inline matrix ff_value(const ff_layer *layer, int index) {
    const parameter *p = ff_tensor(layer, index);
    return parameter_matrix(p, p->value);
}
// The value as an operand of matrix products.
static inline matrix ff_operand(const ff_layer *layer, const step_context *step, int index) {
    return parameter_operand(ff_tensor(layer, index), step->operands);
}
static inline matrix ff_gradient(const ff_layer *layer, int index) {
    const parameter *p = ff_tensor(layer, index);
    return parameter_matrix(p, p->gradient);
}

// The arena for what the backward pass needs; without a backward pass, scratch memory, released when the forward pass returns.
static inline arena *ff_home(const step_context *step) {
    return step->keep ? step->activations : step->kernel.scratch;
}

// Calls rows(context, first, last) for blocks of [0, count), in parallel.
typedef void row_function(void *context, int64_t first, int64_t last, int thread);
void for_row_blocks(threads *pool, int64_t count, row_function *rows, void *context);
