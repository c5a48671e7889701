// What several routers share.
#pragma once

#include "model/feedforward/router.h"

// Softmax of `ranked` [N_E] over the chosen experts that are not dropped, and its backward:
void softmax_over_chosen(const token_choice *t, const real *ranked);
void softmax_over_chosen_backward(const token_choice *t, const real *dweight, real *dlogits);
// Uses the score as the weight:
void weigh_by_score(const token_choice *t);
// The backward of x · Wᵀ, where W is a tensor of the router: adds to its gradient and to dx. Uses scratch memory.
sigmoe_status router_product_backward(const router_call *call, int tensor, matrix dproduct, matrix dx);
// The backward of weights that are σ of the logits:
void logistic_weights_backward(const token_choice *t, const real *dweight, real *dlogits);

static inline bool is_dropped(const token_choice *t, int32_t expert) {
    return t->dropped && t->dropped[expert];
}
static inline real logistic(real x) {
    return 1 / (1 + real_exp(-x));
}
