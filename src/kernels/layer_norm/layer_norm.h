// y = (x - mean) / sqrt(var + 1e-5) * weight + bias over the last dimension (biased variance).
#pragma once

#include "kernels/kernel.h"

#define LAYER_NORM_EPSILON ((real)1e-5)

typedef struct layer_norm_call {
    matrix x;           // [N, d]
    const real *weight; // [d]
    const real *bias;   // [d]
    real *mean, *rstd;  // [N]: written by the forward, read by the backward
} layer_norm_call;

// y: TYPE_REAL or TYPE_BF16; everything else is TYPE_REAL.
sigmoe_status layer_norm_forward(const kernel_context *context, const layer_norm_call *call, matrix y);
// dx is accumulated (it already holds the residual branch's gradient); its data may be NULL if x is constant. dweight and dbias
// [d] are accumulated, summed over fixed blocks of rows in block order.
sigmoe_status layer_norm_backward(const kernel_context *context, const layer_norm_call *call, matrix dy,
    matrix dx, real *dweight, real *dbias);

typedef struct layer_norm_kernel {
    kernel_identity identity;
    // Pointers refer to the first row of a block; its partial sums of dweight and dbias are overwritten.
    void (*forward)(const real *x, int64_t stride_x, const real *weight, const real *bias, real *mean,
        real *rstd, matrix y);
    void (*backward)(const real *x, int64_t stride_x, int64_t rows, int64_t width, const real *weight,
        const real *mean, const real *rstd, const real *dy, int64_t stride_dy, real *dx, int64_t stride_dx,
        real *dweight, real *dbias);
} layer_norm_kernel;
