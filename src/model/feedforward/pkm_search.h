// A product-key memory that sums only the values found. The caller releases the scratch memory.
#pragma once

#include "model/feedforward/pkm.h"

// The knn best of each head: y = Σ_h Σ_ij act(a_h[i] + b_h[j]) · v_ij. Softmax runs over all h · knn scores of a token.
sigmoe_status pkm_search_forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved);
sigmoe_status pkm_search_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx);
