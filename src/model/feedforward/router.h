// Which experts serve a token, and with what weight. A router is one file and one line in router.inc: it says how logits
// become scores, and how the scores of the chosen become weights; ranking, expert dropout, regularizers and the gradient
// into W_sel are the same for all of them.
#pragma once

#include "model/feedforward/regularizers.h"
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

const router *router_at(int index);      // NULL past the end
extern const char *const router_names[]; // NULL-terminated, in the order of the registry
sigmoe_status router_declare(
    const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list);

// What W_sel learns from in training: where the gradient is exactly 0 for every text, it is none's.
typedef enum router_teacher {
    TAUGHT_BY_LOSS, // or nothing is to be learned: hash, random
    TAUGHT_BY_REGULARIZER,
    TAUGHT_BY_NOTHING,
} router_teacher;
router_teacher router_taught_by(const moe_options *options);

// Decides for every token.
sigmoe_status route(const router_call *call, routing *r);
// Adds to the gradients of the router's tensors and to dx. dweight [T, K] is the gradient of the weights without the
// regularizer's part, which is added to it.
sigmoe_status route_backward(
    const router_call *call, const routing *r, const regularization *regularizer, real *dweight, matrix dx);

// What several routers have in common. Softmax over the chosen that are not dropped, of `ranked` [N_E], and its backward:
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
