// What both ways of summing a product-key memory share.
#pragma once

#include "model/feedforward/variant.h"

enum { SUBKEYS_LEFT, SUBKEYS_RIGHT, VALUES }; // A, C [h, n, d/2], values [n², d]

// The scores [T, k] of one half of x with keys [k, d/2], both operands, in scratch memory. Scores are sums: TYPE_REAL.
sigmoe_status pkm_half_scores(step_context *step, int half, matrix x, matrix keys, matrix *scores);

// From the gradient of these scores, TYPE_REAL: overwrites the half of dx and, unless it accumulates, dkeys.
typedef struct pkm_half_gradients {
    matrix dscores, keys, x;
    matrix dx, dkeys;
    bool accumulate;
} pkm_half_gradients;
sigmoe_status pkm_half_backward(step_context *step, int half, const pkm_half_gradients *g);
