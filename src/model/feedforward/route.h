// The part of routing that all routers share.
#pragma once

#include "model/feedforward/regularizers.h"
#include "model/feedforward/router.h"

sigmoe_status router_declare(
    const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list);

// Where W_sel gets its gradient in training; a source whose gradient is exactly 0 for every text does not count.
typedef enum router_teacher {
    TAUGHT_BY_LOSS, // or nothing is to be learned: hash, random
    TAUGHT_BY_REGULARIZER,
    TAUGHT_BY_NOTHING,
} router_teacher;
router_teacher router_taught_by(const moe_options *options);

// Chooses experts and weights for every token.
sigmoe_status route(const router_call *call, routing *r);
// Adds to the gradients of the router's tensors and to dx. dweight [T, K] is the gradient of the weights without the
// regularizer's part, which is added to it here.
sigmoe_status route_backward(
    const router_call *call, const routing *r, const regularization *regularizer, real *dweight, matrix dx);
