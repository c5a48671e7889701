// Attention of single queries over cached keys and values: relative_attention for the newest row of each of several texts, whose
// earlier rows are kept from token to token. For the query at position p of its text and the visible positions j <= p:
//   score = τ · ((q + u_h) · k_j + (q + v_h) · r_(p - j)),  out = Σ_j softmax_j(score) · v_j
//
// Keys and values are rings, one for each head: [H, C, d_h], position j in row j mod C. `positions` has the same shape: the
// projected sinusoid of distance p - j stands in row C - 1 - (p - j), so that it is read in the order of j.
//
// q, keys, values, positions and out are all TYPE_REAL or all TYPE_BF16: two operations, cached_attention and
// cached_attention_bf16. Scores, the softmax and all sums are f32 either way, and only out is rounded. A text's result does not
// depend on the texts beside it.
#pragma once

#include "kernels/kernel.h"

// What one query sees.
typedef struct cached_rows {
    void *k, *v;   // the text's rings, which cached_attention only reads
    int64_t first; // the oldest visible position
    int64_t count; // visible positions, at least 1 and at most C; the last is the query's own
} cached_rows;

typedef struct cached_attention_call {
    int64_t texts, heads, head_width, capacity; // B, H, d_h, C
    dtype type;
    const cached_rows *rows;   // [B]
    const void *positions;     // [H, C, d_h]
    const real *content_bias;  // u [H, d_h]
    const real *position_bias; // v [H, d_h]
    real scale;                // τ
    matrix q, out;             // [B, H * d_h]
} cached_attention_call;

sigmoe_status cached_attention(const kernel_context *context, const cached_attention_call *call);

// The projections that come before it: products of few rows, so that weights, keys and values are read in one round of the pool.
typedef struct cached_projections {
    matrix x;             // [B, d], operands
    matrix w_q, w_k, w_v; // [H * d_h, d]
    matrix k, v;          // [B, H * d_h], of the operands' type, overwritten like call->q
} cached_projections;
// q = x · W_qᵀ, and k and v alike, of which each text's rows are stored in its rings as those of the query's own position; then the
// attention.
sigmoe_status cached_attention_projected(
    const kernel_context *context, const cached_attention_call *call, const cached_projections *projections);

// One head of one text, in the two pieces that its part of the rings consists of: the second is empty unless the ring is
// wrapped around. Pointers are to the first visible rows, of the operands' type.
typedef struct cached_head {
    int64_t width;
    const void *k[2], *v[2], *r[2]; // rows of d_h elements
    int64_t count[2];
    const void *q;                            // [d_h]
    const real *content_bias, *position_bias; // [d_h]
    real scale;
    void *out; // [d_h]
} cached_head;

typedef struct cached_attention_kernel {
    kernel_identity identity;
    // scratch: room for the scores, one for each visible row, and 2 * width more.
    void (*head)(const cached_head *head, real *scratch);
} cached_attention_kernel;
