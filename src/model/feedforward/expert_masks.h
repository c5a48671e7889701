// Factors on the channels w_e · ReLU(x · W1[e]) of the chosen experts: dropout inside the experts, and Top-K over all
// channels of a token.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"
#include "model/feedforward/routing.h"
#include "model/feedforward/variant.h"

// Sets experts->mask [pairs, G] from hidden and weights; it stays NULL where nothing masks.
sigmoe_status make_expert_mask(
    const ff_layer *layer, step_context *step, arena *home, const routing *r, expert_ffn_call *experts);
