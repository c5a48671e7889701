// Which experts serve a token, and with what weights. A router is one file and one line in router.inc: it defines how logits
// become scores and how the scores of the chosen experts become weights. Ranking, expert dropout, regularizers and the
// gradient of W_sel are the same for all routers.
#pragma once

#include "model/feedforward/routing.h"
#include "model/feedforward/variant.h"

typedef struct router_call {
    const ff_layer *layer; // an MoE's; the router's tensors come first in it
    step_context *step;
    arena *home; // for what the backward needs
    matrix x;    // [T, d], an operand
} router_call;

// The part of a routing that belongs to one token.
typedef struct token_choice {
    int64_t experts, slots;
    const real *logits, *scores; // [N_E]
    const uint8_t *dropped;      // [N_E], or NULL: none
    const int32_t *chosen;       // [K]
    real *weight;                // [K]
} token_choice;

// If weights sum to 1 and there is only one, it is constant and the router learns nothing from it.
typedef enum weight_sum { WEIGHTS_FREE, WEIGHTS_SUM_TO_1_OVER_ALL, WEIGHTS_SUM_TO_1_OVER_CHOSEN } weight_sum;

typedef struct router {
    int tensors;         // how many it has
    weight_sum sum;      // of its weights, whatever the logits
    bool learned;        // its first tensor is W_sel [N_E, d], r = W_sel x are its logits: regularizers apply
    bool expert_dropout; // expert dropout applies
    bool looks_at_batch; // in training, its choice for a token depends on the other tokens of the batch

    // Declares the router's tensors other than W_sel, in order. NULL: it has none.
    sigmoe_status (*declare)(
        const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list);

    // For routers that are not learned: sets chosen and weight.
    sigmoe_status (*choose)(const router_call *call, routing *r);

    // For learned routers: sets r->scores [T, N_E], which rank the experts, from r->logits. NULL: the logits are the scores.
    sigmoe_status (*score)(const router_call *call, routing *r);
    // Sets the weights of the K chosen experts; 0 for dropped ones.
    void (*weigh)(const token_choice *t);
    // From the weights' gradient [K] to that of the logits: dlogits [N_E] is 0 on entry. Dropped pairs contribute nothing.
    void (*weigh_backward)(const token_choice *t, const real *dweight, real *dlogits);
    // Adds to dx and to the gradients of the tensors other than W_sel. NULL: there are no such tensors. dlogits [T, N_E] is the
    // gradient through the weights.
    sigmoe_status (*backward)(const router_call *call, const routing *r, matrix dlogits, matrix dx);
} router;
