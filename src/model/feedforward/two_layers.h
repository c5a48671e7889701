// u = dropout(ReLU(W1 x + b1)), y = W2 u + b2: what the dense block and Top-K share.
#pragma once

#include "model/feedforward/variant.h"

enum { UP_WEIGHT, UP_BIAS, DOWN_WEIGHT, DOWN_BIAS }; // W1 [d_ff, d], b1 [d_ff], W2 [d, d_ff], b2 [d]

// exact_down: the values of W2 are needed under mixed precision, too.
sigmoe_status two_layers_declare(
    int64_t d_ff, const ff_surroundings *around, int layer, bool exact_down, parameter_list *list);
// u [T, d_ff], TYPE_REAL or an operand, is overwritten.
sigmoe_status two_layers_up(const ff_layer *layer, step_context *step, matrix x, matrix u);
// y [T, d] is overwritten. sparse: most of u is 0, and only the rest is multiplied (kernels/sparse_gemm).
sigmoe_status two_layers_down(const ff_layer *layer, step_context *step, bool sparse, matrix u, matrix y);
// u as two_layers_down received it (an operand, as are x and dy): a channel set to zero in between passes no gradient.
// Overwrites dx.
sigmoe_status two_layers_backward(
    const ff_layer *layer, step_context *step, bool sparse, matrix u, matrix x, matrix dy, matrix dx);
