// The factors common to all elements of an update, computed in double: in float, 1 - β^t loses its digits if β is near 1.
#pragma once

#include "kernels/adam/adam.h"

typedef struct adam_factors {
    real gradient;     // clipping factor
    real keep1, take1; // β1 and 1 - β1
    real keep2, take2; // β2 and 1 - β2
    real decay;        // 1 - lr · decay
    real rate;         // lr / (1 - β1^t)
    real root;         // 1 / sqrt(1 - β2^t)
    real epsilon;
} adam_factors;

static inline adam_factors adam_factors_of(const adam_call *call) {
    double t = (double)call->step + 1;
    return (adam_factors){
        .gradient = (real)call->gradient_factor,
        .keep1 = (real)call->beta1,
        .take1 = (real)(1 - call->beta1),
        .keep2 = (real)call->beta2,
        .take2 = (real)(1 - call->beta2),
        .decay = (real)(1 - call->lr * call->weight_decay),
        .rate = (real)(call->lr / (1 - pow(call->beta1, t))),
        .root = (real)(1 / sqrt(1 - pow(call->beta2, t))),
        .epsilon = (real)call->epsilon,
    };
}
