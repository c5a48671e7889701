// Adam (Kingma & Ba 2015) with decoupled weight decay, in one pass over each tensor, and the norm for gradient clipping.
#pragma once

#include "kernels/kernel.h"

typedef struct adam_call {
    int64_t count;
    real *value;          // updated
    const real *gradient; // multiplied by gradient_factor (clipping)
    real *moment1, *moment2;
    double gradient_factor;
    double lr, beta1, beta2, epsilon, weight_decay;
    int64_t step;  // counts from 0: bias corrections use step + 1
    bf16 *rounded; // [count] out: the updated value, rounded; or NULL
} adam_call;
// value *= 1 - lr·decay; value -= lr/(1-β1^t) · m / (sqrt(v)/sqrt(1-β2^t) + ε).
sigmoe_status adam_update(const kernel_context *context, const adam_call *call);

// Σ x² in double, summed over fixed blocks in block order. NaN and infinity propagate.
sigmoe_status sum_of_squares(const kernel_context *context, const real *x, int64_t count, double *sum);

typedef struct adam_kernel {
    kernel_identity identity;
    void (*update)(const adam_call *block); // pointers and count are those of one block
    double (*squares)(const real *x, int64_t count);
} adam_kernel;
