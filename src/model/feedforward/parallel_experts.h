// The experts of a layer that are spread over processes: rows of tokens go to the experts that were chosen, those of results
// come back and are summed where the tokens are, in the order in which one process sums them. So the sums have the bits of one
// process where the kernels sum one choice after the other, as all but the reference do.
#pragma once

#include "model/feedforward/expert_masks.h"
#include "model/feedforward/expert_rows.h"

// What the backward pass needs of the rows that this process's experts got.
typedef struct parallel_experts {
    expert_rows rows;
    expert_grouping *groupings; // [chunks]: a row is a token with one choice
    expert_ffn_call *calls;     // [chunks]
} parallel_experts;

// y [T, d] from own->x [T, d], own->weight and own->grouping; own->set is that of all experts. own->hidden is there afterwards where
// masks or statistics need it. What stays is in `home`.
sigmoe_status parallel_experts_forward(const ff_layer *layer, step_context *step, arena *home,
    const routing *r, expert_ffn_call *own, matrix y, parallel_experts *p);
// As expert_ffn_backward: gradients of own tokens (dx, dweight), and of the weights of the experts here, for all tokens.
sigmoe_status parallel_experts_backward(
    step_context *step, const parallel_experts *p, const expert_ffn_gradients *gradients);
