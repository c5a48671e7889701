// Transcendental functions on vectors (kernels/vector.h), shared by all kernels.
#pragma once

#include "kernels/vector.h"

// e^x within 2 ulp. exp(0) is exactly 1; -inf and everything below -103.98 gives 0; subnormals are kept; everything above 88.73
// gives infinity; NaN stays NaN.
static inline vec vec_exp(vec x) {
    // e^x = 2^n · e^r with n = round(x / ln 2) and |r| <= ln 2 / 2; ln 2 is split in two parts, and n times the first is exact.
    const float ln2_high = 0x1.62e4p-1f, ln2_low = 1.42860682e-06f;
    x = vec_max(vec_all(-104.0f), vec_min(vec_all(89.0f), x)); // a NaN, second, passes both
    vec n = vec_round(x * vec_all(1.44269504f));
    vec r = vec_fma(n, vec_all(-ln2_high), x);
    r = vec_fma(n, vec_all(-ln2_low), r);
    // (e^r - 1 - r) / r² at the five Chebyshev nodes of the interval: relative error of e^r below 1.1e-8.
    vec p = vec_all(0.00139262681f);
    p = vec_fma(p, r, vec_all(0.00836324667f));
    p = vec_fma(p, r, vec_all(0.0416665541f));
    p = vec_fma(p, r, vec_all(0.166665766f));
    p = vec_fma(p, r, vec_all(0.5f));
    p = vec_fma(p, r * r, r);
    return vec_scale(p + vec_all(1.0f), n);
}

// 1 / (1 + e^-x), within 4 ulp.
static inline vec vec_sigmoid(vec x) {
    return vec_all(1.0f) / (vec_all(1.0f) + vec_exp(-x));
}

// The same, and what remains of 1, neither rounded by a subtraction.
typedef struct sigmoid_parts {
    vec value, rest;
} sigmoid_parts;
static inline sigmoid_parts vec_sigmoid_parts(vec x) {
    vec e = vec_exp(vec_min(vec_all(87.0f), -x)); // finite; a NaN, second, passes
    vec value = vec_all(1.0f) / (vec_all(1.0f) + e);
    return (sigmoid_parts){value, e * value};
}

// The error function, with a relative error below 1.5e-7; NaN stays NaN.
static inline vec vec_erf(vec x) {
    // Below 1: x + x · p(x²). Above: 1 - e^(t · q(t)), which is 1 from 4 on. Both fitted for the least greatest error of erf.
    const vec t = vec_min(vec_all(4.0f), vec_abs(x)), s = x * x; // a NaN, second, passes
    vec p = vec_all(7.889123e-05f);
    p = vec_fma(p, s, vec_all(-8.020842e-04f));
    p = vec_fma(p, s, vec_all(5.1895357e-03f));
    p = vec_fma(p, s, vec_all(-2.6854444e-02f));
    p = vec_fma(p, s, vec_all(1.12836e-01f));
    p = vec_fma(p, s, vec_all(-3.7612626e-01f));
    p = vec_fma(p, s, vec_all(1.2837917e-01f));
    vec q = vec_all(2.1018212e-04f);
    q = vec_fma(q, t, vec_all(-3.1831174e-03f));
    q = vec_fma(q, t, vec_all(2.2786086e-02f));
    q = vec_fma(q, t, vec_all(-1.0509667e-01f));
    q = vec_fma(q, t, vec_all(-6.358464e-01f));
    q = vec_fma(q, t, vec_all(-1.1284755f));
    vec far = vec_copy_sign(vec_all(1.0f) - vec_exp(q * t), x);
    return vec_where_less(t, vec_all(1.0f), vec_fma(p, x, x), far);
}
