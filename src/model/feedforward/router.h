// Which experts serve a token, and with what weight. A router is one file and one line in router.inc: it says how logits
// become scores, and how the scores of the chosen become weights; ranking, expert dropout, regularizers and the gradient
// into W_sel are the same for all of them.
#pragma once

#include "model/feedforward/routing.h"
#include "model/feedforward/variant.h"

typedef struct router_call {
    const ff_layer *layer; // an MoE's; the router's tensors come first in it
    step_context *step;
    arena *home; // for what the backward needs
    matrix x;    // [T, d], an operand
} router_call;

// One token's part of a routing.
typedef struct token_choice {
    int64_t experts, slots;
    const real *logits, *scores; // [N_E]
    const uint8_t *dropped;      // [N_E], or NULL: none
    const int32_t *chosen;       // [K]
    real *weight;                // [K]
} token_choice;

// Weights that add up to 1 are constant where there is one alone, and then teach the router nothing.
typedef enum weight_sum { WEIGHTS_FREE, WEIGHTS_SUM_TO_1_OVER_ALL, WEIGHTS_SUM_TO_1_OVER_CHOSEN } weight_sum;

typedef struct router {
    int tensors;         // how many it has
    weight_sum sum;      // of its weights, whatever the logits
    bool learned;        // its first tensor is W_sel [N_E, d], r = W_sel x are its logits: regularizers apply
    bool expert_dropout; // expert dropout applies

    // Declares its tensors other than W_sel, in order. NULL: there are none.
    sigmoe_status (*declare)(
        const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list);

    // Routers that are not learned: sets chosen and weight.
    sigmoe_status (*choose)(const router_call *call, routing *r);

    // Learned ones. Sets r->scores [T, N_E], by which experts are ranked, from r->logits. NULL: the logits themselves.
    sigmoe_status (*score)(const router_call *call, routing *r);
    // The weights of the K chosen; 0 for dropped ones.
    void (*weigh)(const token_choice *t);
    // From the weights' gradient [K] to that of the logits: dlogits [N_E] is 0 before. Dropped pairs pass none.
    void (*weigh_backward)(const token_choice *t, const real *dweight, real *dlogits);
    // Adds to the gradients of tensors other than W_sel and to dx. NULL: there are none. dlogits [T, N_E] is the gradient
    // through the weights.
    sigmoe_status (*backward)(const router_call *call, const routing *r, matrix dlogits, matrix dx);
} router;
