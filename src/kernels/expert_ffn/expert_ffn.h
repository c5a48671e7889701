// The experts of a mixture: y_t = Σ_slot mask ⊙ (w_ts · ReLU(x_t · W1[e])) · W2[e] over the K experts of each token (the
// paper's Eq. 6). Work is sorted by expert once (model/feedforward/token_grouping); a "pair" is a (token, slot).
//
// The operands x, W1, W2, hidden and dy are all TYPE_REAL or all TYPE_BF16. Products of bf16 operands are summed in f32, too,
// and everything else (pair weights, masks, y, dx, weight gradients) is TYPE_REAL. mask ⊙ weight · hidden and the gradient
// before the ReLU are rounded to bf16 where they enter the next product.
#pragma once

#include "kernels/kernel.h"

// Pairs sorted by expert, then by token: expert e owns sorted positions [offset[e], offset[e+1]).
typedef struct expert_grouping {
    int64_t tokens, slots, experts;
    const int64_t *offset;   // [experts + 1]
    const int32_t *pair;     // [tokens * slots] sorted position -> token * slots + slot
    const int32_t *position; // [tokens * slots] token * slots + slot -> sorted position
} expert_grouping;

typedef struct expert_ffn_call {
    const expert_grouping *grouping;
    int64_t width;       // d
    int64_t expert_size; // G
    matrix x;            // [tokens, d]
    matrix up;           // W1 [experts * d, G], rows contiguous
    matrix down;         // W2 [experts * G, d], rows contiguous
    matrix
        hidden; // [pairs, G], rows contiguous, by sorted position: unweighted ReLU(x W1); read by the backward
    const real *weight; // [tokens * slots], by pair
    const real *mask;   // [pairs, G], by sorted position: factors of the weighted hidden channels, or NULL
} expert_ffn_call;

// hidden = ReLU(x · W1[e]).
sigmoe_status expert_ffn_up(const kernel_context *context, const expert_ffn_call *call);
// y [tokens, d] = Σ_slot (mask ⊙ weight · hidden) · W2[e], summed in slot order.
sigmoe_status expert_ffn_down(const kernel_context *context, const expert_ffn_call *call, matrix y);

typedef struct expert_ffn_gradients {
    matrix dy;     // in, [tokens, d], an operand
    matrix dx;     // out, [tokens, d], TYPE_REAL, overwritten
    real *dup;     // [experts, d, G], accumulated; bitwise unchanged for experts without pairs
    real *ddown;   // [experts, G, d], accumulated
    real *dweight; // [tokens * slots], by pair, overwritten
} expert_ffn_gradients;
// The derivative of ReLU at 0 is 0: channels with hidden = 0 carry no gradient.
sigmoe_status expert_ffn_backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients);

typedef struct expert_ffn_kernel {
    kernel_identity identity;
    sigmoe_status (*up)(const kernel_context *, const expert_ffn_call *);
    sigmoe_status (*down)(const kernel_context *, const expert_ffn_call *, matrix y);
    sigmoe_status (*backward)(const kernel_context *, const expert_ffn_call *, const expert_ffn_gradients *);
} expert_ffn_kernel;
