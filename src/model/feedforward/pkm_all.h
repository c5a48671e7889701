// A product-key memory that sums all of its values. The caller releases the scratch memory.
#pragma once

#include "model/feedforward/pkm.h"

// All n² values: y = Σ_ij act(Σ_h (a_h[i] + b_h[j])) · v_ij. The heads' scores are summed before the activation.
sigmoe_status pkm_all_forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved);
sigmoe_status pkm_all_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx);
