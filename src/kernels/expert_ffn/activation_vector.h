// The activations of experts and their derivatives on vectors.
#pragma once

#include "kernels/vector_math.h"
#include "sigmoe.h"

// Φ of the tanh form: (1 + tanh(u)) / 2 = 1 / (1 + e^(-2u)) with 2u = GELU_INNER · (x + GELU_CUBIC · x³).
#define GELU_INNER 1.5957691216f
#define GELU_CUBIC 0.044715f
#define SQRT_HALF 0.70710678118f
#define NORMAL_DENSITY_AT_0 0.39894228040f

static inline vec normal_distribution(vec x) {
    return vec_fma(vec_erf(x * vec_all(SQRT_HALF)), vec_all(0.5f), vec_all(0.5f));
}
// 2u
static inline vec gelu_inner(vec x) {
    return x * vec_fma(x * x, vec_all(GELU_INNER * GELU_CUBIC), vec_all(GELU_INNER));
}

static inline vec activate(sigmoe_activation activation, vec x) {
    switch (activation) {
    case SIGMOE_RELU:
        return vec_max(x, vec_all(0));
    case SIGMOE_RELU2:
        return vec_max(x, vec_all(0)) * vec_max(x, vec_all(0));
    case SIGMOE_GELU:
        return x * normal_distribution(x);
    case SIGMOE_GELU_TANH:
        return x * vec_sigmoid(gelu_inner(x));
    case SIGMOE_SILU:
        return x * vec_sigmoid(x);
    }
    return x;
}

typedef struct activated {
    vec value, slope;
} activated;

static inline activated activate_with_slope(sigmoe_activation activation, vec x) {
    const vec one = vec_all(1.0f);
    switch (activation) {
    case SIGMOE_RELU:
        return (activated){vec_max(x, vec_all(0)), vec_where_positive(x, one)};
    case SIGMOE_RELU2: {
        vec r = vec_max(x, vec_all(0));
        return (activated){r * r, r + r};
    }
    case SIGMOE_GELU: {
        vec phi = normal_distribution(x),
            density = vec_all(NORMAL_DENSITY_AT_0) * vec_exp(x * x * vec_all(-0.5f));
        return (activated){x * phi, vec_fma(x, density, phi)};
    }
    case SIGMOE_GELU_TANH: {
        sigmoid_parts phi = vec_sigmoid_parts(gelu_inner(x));
        vec inner_slope = vec_fma(x * x, vec_all(3 * GELU_INNER * GELU_CUBIC), vec_all(GELU_INNER));
        return (activated){x * phi.value, vec_fma(x * inner_slope * phi.rest, phi.value, phi.value)};
    }
    case SIGMOE_SILU: {
        sigmoid_parts s = vec_sigmoid_parts(x);
        return (activated){x * s.value, vec_fma(x * s.value, s.rest, s.value)};
    }
    }
    return (activated){x, one};
}
