// What several routers have in common.
#pragma once

#include "model/feedforward/router.h"

// Softmax over the chosen that are not dropped, of `ranked` [N_E], and its backward:
void softmax_over_chosen(const token_choice *t, const real *ranked);
void softmax_over_chosen_backward(const token_choice *t, const real *dweight, real *dlogits);
// The score itself as weight:
void weigh_by_score(const token_choice *t);
// The backward of x · Wᵀ with W the router's tensor: its gradient and dx are added to. Takes scratch memory.
sigmoe_status router_product_backward(const router_call *call, int tensor, matrix dproduct, matrix dx);
// The backward of a weight that is σ of the logit:
void logistic_weights_backward(const token_choice *t, const real *dweight, real *dlogits);

static inline bool is_dropped(const token_choice *t, int32_t expert) {
    return t->dropped && t->dropped[expert];
}
static inline real logistic(real x) {
    return 1 / (1 + real_exp(-x));
}
