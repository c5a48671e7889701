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
