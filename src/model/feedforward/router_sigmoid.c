// σ-MoE: experts do not compete; each weight is σ of the expert's logit.
#include "model/feedforward/router_weights.h"

static void score_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const routing *r = context;
    for (int64_t t = first; t < last; t++) {
        const real *logits = matrix_real(r->logits) + t * r->logits.stride;
        real *scores = matrix_real(r->scores) + t * r->scores.stride;
        for (int64_t e = 0; e < r->experts; e++) scores[e] = logistic(logits[e]);
    }
}

static sigmoe_status score(const router_call *call, routing *r) {
    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, &r->scores));
    for_row_blocks(call->step->kernel.threads, r->tokens, score_rows, r);
    return SIGMOE_OK;
}

const router router_sigmoid = {
    .tensors = 1,
    .learned = true,
    .expert_dropout = true,
    .score = score,
    .weigh = weigh_by_score,
    .weigh_backward = logistic_weights_backward,
};
