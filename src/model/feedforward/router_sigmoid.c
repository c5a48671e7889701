// σ-MoE: experts do not compete; the weight of each is σ of its logit.
#include "model/feedforward/router.h"

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

static void weigh(const token_choice *t) {
    for (int64_t k = 0; k < t->slots; k++)
        t->weight[k] = is_dropped(t, t->chosen[k]) ? 0 : t->scores[t->chosen[k]];
}

static void weigh_backward(const token_choice *t, const real *dweight, real *dlogits) {
    for (int64_t k = 0; k < t->slots; k++)
        dlogits[t->chosen[k]] += dweight[k] * t->weight[k] * (1 - t->weight[k]);
}

const router router_sigmoid = {
    .tensors = 1,
    .learned = true,
    .expert_dropout = true,
    .score = score,
    .weigh = weigh,
    .weigh_backward = weigh_backward,
};
