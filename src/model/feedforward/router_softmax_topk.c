// Choice first, then a softmax over the chosen experts: weights sum to 1.
#include "model/feedforward/router_weights.h"

static void weigh(const token_choice *t) {
    softmax_over_chosen(t, t->logits);
}

const router router_softmax_topk = {
    .tensors = 1,
    .sum = WEIGHTS_SUM_TO_1_OVER_CHOSEN,
    .learned = true,
    .expert_dropout = true,
    .weigh = weigh,
    .weigh_backward = softmax_over_chosen_backward,
};
