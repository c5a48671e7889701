// Factors on the channels w_e · ReLU(x · W1[e]) of the chosen experts: dropout inside the experts, and Top-K over all of a
// token's channels.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"
#include "model/feedforward/routing.h"
#include "model/feedforward/variant.h"

// Whether there is anything to mask in this pass.
bool masks_experts(const ff_layer *layer, const step_context *step);
// Sets experts->mask [pairs, G] from hidden and weights. The mask stays NULL if nothing is masked.
sigmoe_status make_expert_mask(
    const ff_layer *layer, step_context *step, arena *home, const routing *r, expert_ffn_call *experts);
