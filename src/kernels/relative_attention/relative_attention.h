// Attention with relative positions (Transformer-XL, Dai et al. 2019), with a learned scale. The full score matrix is never
// stored. For query i (at absolute position M + i) and key j <= M + i:
//   score = τ · ((q_i + u_h) · k_j + (q_i + v_h) · r_(j - i - M)),  out_i = Σ_j softmax_j(score) · v_j
// where r_p is row p + (M + Q - 1) of `positions`, the projected sinusoid of distance p = -(M + Q - 1) ... 0.
//
// The operands q, k, v, positions, out and their gradients are all TYPE_REAL or all TYPE_BF16: two operations,
// relative_attention and relative_attention_bf16, with separate implementations behind the same functions. Scores, the softmax,
// biases, logsumexp and all sums are f32 either way. In addition to what is stored, an implementation for bf16 may round
// operands of products to bf16: (q + u), (q + v), the probabilities (relative to the largest score so far, not to their sum),
// and the scores' gradients before τ. The reference rounds only what it stores.
#pragma once

#include "kernels/kernel.h"

typedef struct attention_call {
    int64_t batch, queries, memory; // B, Q, M: M + Q keys; all at least 1, except M (may be 0)
    int64_t heads, head_width;      // H, d_h; matrix rows have H * d_h elements, head h at h * d_h
    matrix q;                       // [B * Q, H * d_h]
    matrix k, v;                    // [B * (M + Q), H * d_h], batch-major, memory first
    matrix positions;               // [M + Q, H * d_h]
    const real *content_bias;       // u [H, d_h]
    const real *position_bias;      // v [H, d_h]
    real scale;                     // τ
    matrix out;                     // [B * Q, H * d_h]; written by the forward, read by the backward
    real *logsumexp;                // [B, H, Q]; likewise
} attention_call;

sigmoe_status attention_forward(const kernel_context *context, const attention_call *call);

typedef struct attention_gradients {
    matrix dout;                          // in [B * Q, H * d_h]
    matrix dq, dk, dv;                    // overwritten, shapes of q, k, v
    matrix dpositions;                    // overwritten
    real *dcontent_bias, *dposition_bias; // [H, d_h], accumulated
    real *dscale;                         // [1], accumulated
} attention_gradients;
sigmoe_status attention_backward(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients);

typedef struct relative_attention_kernel {
    kernel_identity identity;
    sigmoe_status (*forward)(const kernel_context *, const attention_call *);
    sigmoe_status (*backward)(const kernel_context *, const attention_call *, const attention_gradients *);
} relative_attention_kernel;
