// The two ways of a product-key memory. Scratch memory is released by the caller.
#pragma once

#include "model/feedforward/variant.h"

enum { SUBKEYS_LEFT, SUBKEYS_RIGHT, VALUES }; // A, C [h, n, d/2], values [n², d]

// Half `half` of the columns of x [T, d].
static inline matrix pkm_half(matrix x, int half) {
    return matrix_part(x, 0, x.rows, half * (x.cols / 2), x.cols / 2);
}

// All n² values: y = Σ_ij act(Σ_h (a_h[i] + b_h[j])) · v_ij, the heads' scores summed before the activation.
sigmoe_status pkm_all_forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved);
sigmoe_status pkm_all_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx);

// The knn best of each head: y = Σ_h Σ_ij act(a_h[i] + b_h[j]) · v_ij; softmax runs over all h · knn scores of a token.
sigmoe_status pkm_search_forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved);
sigmoe_status pkm_search_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx);
