// The experts of a mixture: y_t = Σ_slot w_ts · (hidden · W2[e] + b2[e]) over the experts of each token, with hidden =
// activation(x_t · W1[e] + b1[e]), or gated: activation(gates) ⊙ values (sigmoe_layers.h). The paper's Eq. 6 is the case of
// a ReLU without gate and biases. Work is sorted by expert once (model/feedforward/token_grouping); a "pair" is a (token, slot).
//
// The operands x, W1, W2, their biases, before, hidden and dy are all TYPE_REAL or all TYPE_BF16. Products of bf16 operands are
// summed in f32, too. mask ⊙ weight · hidden and the gradient before the activation are rounded to bf16 where they enter the
// next product. y, dx and the gradients of weights and biases are TYPE_REAL or operands, too: then sums are rounded once.
#pragma once

#include "kernels/kernel.h"

// Pairs sorted by expert, then by token: expert e owns sorted positions [offset[e], offset[e+1]). Pairs that no expert serves
// are skipped: they have no position and contribute nothing.
typedef struct expert_grouping {
    int64_t tokens, slots, experts;
    const int64_t *offset;   // [experts + 1]; offset[experts] pairs are served
    const int32_t *pair;     // [served] sorted position -> token * slots + slot
    const int32_t *position; // [tokens * slots] token * slots + slot -> sorted position, or -1: skipped
} expert_grouping;

// The sizes and kind of the experts, and their weights.
typedef struct expert_set {
    int64_t experts;
    int64_t width;       // d
    int64_t expert_size; // G
    int64_t out_width;   // v
    sigmoe_activation activation;
    sigmoe_gate gate;
    sigmoe_expert_layout layout;
    matrix up;                 // W1, rows contiguous: [experts * d, H], or by layout [experts * H, d]
    matrix down;               // W2, rows contiguous: [experts * G, v], or by layout [experts * v, G]
    matrix up_bias, down_bias; // b1 [experts, H], b2 [experts, v], rows contiguous; data NULL: none
} expert_set;

// H: channels before the activation.
static inline int64_t expert_channels(const expert_set *set) {
    return set->gate == SIGMOE_GATE_NONE ? set->expert_size : 2 * set->expert_size;
}
// Whether the backward needs `before`. The derivative of a plain ReLU can be read from hidden.
static inline bool experts_need_before(const expert_set *set) {
    return set->gate != SIGMOE_GATE_NONE || set->activation != SIGMOE_RELU;
}

typedef struct expert_ffn_call {
    const expert_grouping *grouping;
    expert_set set;
    matrix x; // [tokens, d]
    // [at least served, H], rows contiguous, by sorted position: x · W1[e] + b1[e]; written by expert_ffn_up, read by the backward
    // if the set needs it. data NULL: not kept.
    matrix before;
    matrix
        hidden; // [at least served, G], rows contiguous, by sorted position: unweighted; read by the backward
    const real *weight; // [tokens * slots], by pair
    const real *mask;   // [served, G], by sorted position: factors of the weighted hidden channels, or NULL
    const void *packed; // written by expert_ffn_pack for these weights, or NULL
} expert_ffn_call;

// before = x · W1[e] + b1[e], and hidden from the sums before they are rounded.
sigmoe_status expert_ffn_up(const kernel_context *context, const expert_ffn_call *call);
// y [tokens, v] = Σ_slot (mask ⊙ weight · hidden) · W2[e] + weight · b2[e], summed in slot order; y: TYPE_REAL or an operand.
sigmoe_status expert_ffn_down(const kernel_context *context, const expert_ffn_call *call, matrix y);

// Gradients whose data is NULL are not computed.
typedef struct expert_ffn_gradients {
    matrix dy;                   // in, [tokens, v], an operand
    matrix dx;                   // out, [tokens, d], TYPE_REAL or an operand, overwritten
    matrix dup, ddown;           // shaped as up and down, TYPE_REAL or operands
    matrix dup_bias, ddown_bias; // shaped as the biases, TYPE_REAL or operands
    real *dweight;               // [tokens * slots], by pair, overwritten; 0 for skipped pairs
    // The gradients of weights and biases are replaced (0 for experts without pairs); otherwise they are added to, and those of
    // experts without pairs are bitwise unchanged.
    bool overwrite;
} expert_ffn_gradients;
// The derivative of ReLU at 0 is 0: channels with hidden = 0 carry no gradient.
sigmoe_status expert_ffn_backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients);

// Packed weights, for several forward calls with the same ones. Bits of results do not depend on whether `packed` is given.
// expert_ffn_packed_bytes is the size of the memory, aligned to 64 bytes, that expert_ffn_pack writes; 0: the implementation
// reads weights where they are, and `packed` stays NULL.
int64_t expert_ffn_packed_bytes(const expert_set *set);
void expert_ffn_pack(const kernel_context *context, const expert_set *set, void *packed);

typedef struct expert_ffn_kernel {
    kernel_identity identity;
    sigmoe_status (*up)(const kernel_context *, const expert_ffn_call *);
    sigmoe_status (*down)(const kernel_context *, const expert_ffn_call *, matrix y);
    sigmoe_status (*backward)(const kernel_context *, const expert_ffn_call *, const expert_ffn_gradients *);
    int64_t (*packed_bytes)(const expert_set *); // NULL: nothing is packed
    void (*pack)(const kernel_context *, const expert_set *, void *packed);
} expert_ffn_kernel;
