// `real` is the arithmetic type of kernels and model: float in the product. The gradient check builds the same sources with
// SIGMOE_REAL_DOUBLE, so that the code checked to ten digits is the code that trains; only `_ref` kernels exist there.
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef SIGMOE_REAL_DOUBLE
typedef double real;
#define REAL_IS_FLOAT 0
#else
typedef float real;
#define REAL_IS_FLOAT 1
#endif

#define REAL_EPSILON ((real)(REAL_IS_FLOAT ? 1.1920929e-7 : 2.220446049250313e-16))

static inline real real_exp(real x) {
    return REAL_IS_FLOAT ? (real)expf((float)x) : (real)exp((double)x);
}
static inline real real_log(real x) {
    return REAL_IS_FLOAT ? (real)logf((float)x) : (real)log((double)x);
}
static inline real real_sqrt(real x) {
    return REAL_IS_FLOAT ? (real)sqrtf((float)x) : (real)sqrt((double)x);
}
static inline real real_tanh(real x) {
    return REAL_IS_FLOAT ? (real)tanhf((float)x) : (real)tanh((double)x);
}
static inline real real_erf(real x) {
    return REAL_IS_FLOAT ? (real)erff((float)x) : (real)erf((double)x);
}

// Whether no value is NaN or infinite. The loop has no early exit, so that it can be vectorized.
static inline bool all_finite(const real *values, int64_t count) {
    int bad = 0;
    for (int64_t i = 0; i < count; i++) bad |= !isfinite(values[i]);
    return !bad;
}
