// Softmax over all experts before the choice, without renormalization; with K = 1 this is Switch (Fedus et al. 2021).
#include "kernels/pointwise/pointwise.h"
#include "model/feedforward/router_weights.h"

static sigmoe_status score(const router_call *call, routing *r) {
    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, &r->scores));
    copy_into(&call->step->kernel, r->scores, r->logits);
    softmax_rows(&call->step->kernel, r->scores);
    return SIGMOE_OK;
}

static void weigh_backward(const token_choice *t, const real *dweight, real *dlogits) {
    real mean = 0;
    for (int64_t k = 0; k < t->slots; k++) mean += t->weight[k] * dweight[k];
    for (int64_t e = 0; e < t->experts; e++) dlogits[e] -= t->scores[e] * mean;
    for (int64_t k = 0; k < t->slots; k++) dlogits[t->chosen[k]] += t->weight[k] * dweight[k];
}

const router router_softmax = {
    .tensors = 1,
    .sum = WEIGHTS_SUM_TO_1_OVER_ALL,
    .learned = true,
    .expert_dropout = true,
    .score = score,
    .weigh = weigh_by_score,
    .weigh_backward = weigh_backward,
};
