// The activations of experts and their derivatives, one number at a time.
#pragma once

#include "base/real.h"
#include "sigmoe.h"

// The tanh form's Φ(x) = (1 + tanh(INNER · (x + CUBIC · x³))) / 2, with INNER = √(2/π).
#define GELU_INNER ((real)0.79788456080286535588)
#define GELU_CUBIC ((real)0.044715)
#define SQRT_HALF ((real)0.70710678118654752440)
#define NORMAL_DENSITY_AT_0 ((real)0.39894228040143267794)

static inline real sigmoid(real x) {
    return 1 / (1 + real_exp(-x));
}
static inline real gelu_tanh(real x) {
    return real_tanh(GELU_INNER * (x + GELU_CUBIC * x * x * x));
}

static inline real activation_value(sigmoe_activation activation, real x) {
    const real half = (real)0.5;
    switch (activation) {
    case SIGMOE_RELU:
        return x > 0 ? x : 0;
    case SIGMOE_RELU2:
        return x > 0 ? x * x : 0;
    case SIGMOE_GELU:
        return half * x * (1 + real_erf(SQRT_HALF * x));
    case SIGMOE_GELU_TANH:
        return half * x * (1 + gelu_tanh(x));
    case SIGMOE_SILU:
        return x * sigmoid(x);
    }
    return 0;
}

static inline real activation_slope(sigmoe_activation activation, real x) {
    const real half = (real)0.5;
    switch (activation) {
    case SIGMOE_RELU:
        return x > 0;
    case SIGMOE_RELU2:
        return x > 0 ? 2 * x : 0;
    case SIGMOE_GELU:
        return half * (1 + real_erf(SQRT_HALF * x)) + x * NORMAL_DENSITY_AT_0 * real_exp(-half * x * x);
    case SIGMOE_GELU_TANH: {
        real t = gelu_tanh(x), inner_slope = GELU_INNER * (1 + 3 * GELU_CUBIC * x * x);
        return half * (1 + t) + half * x * (1 - t * t) * inner_slope;
    }
    case SIGMOE_SILU: {
        real s = sigmoid(x);
        return s * (1 + x * (1 - s));
    }
    }
    return 0;
}
