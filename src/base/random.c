#include "base/random.h"

#include <Random123/philox.h>

// One Philox block has four words. Bits and uniforms use word (position mod 4) of block (position / 4); each normal uses a
// block of its own, kept separate from the others by the top bit of the counter.
static philox4x32_ctr_t block_at(random_stream s, uint64_t block, uint32_t family) {
    philox4x32_key_t key = {{(uint32_t)s.seed, (uint32_t)(s.seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)block, (uint32_t)(block >> 32) ^ (uint32_t)(s.step >> 32) << 16,
        (uint32_t)s.step, family << 31 | (uint32_t)s.purpose << 20 | (s.layer & 0xfffffu)}};
    return philox4x32(counter, key);
}

uint32_t random_bits(random_stream s, uint64_t position) {
    return block_at(s, position / 4, 0).v[position % 4];
}

double random_uniform(random_stream s, uint64_t position) {
    return random_bits(s, position) * (1.0 / 4294967296.0);
}

// 53 bits, never 0 or 1: for a logarithm or an inverse distribution.
static double open_uniform(uint32_t high, uint32_t low) {
    uint64_t bits = ((uint64_t)high << 32 | low) >> 12;
    return ((double)bits + 0.5) * (1.0 / 4503599627370496.0);
}

double random_normal(random_stream s, uint64_t position) {
    philox4x32_ctr_t w = block_at(s, position, 1);
    double radius = sqrt(-2.0 * log(open_uniform(w.v[0], w.v[1])));
    return radius * cos(2.0 * M_PI * open_uniform(w.v[2], w.v[3]));
}

// Acklam's rational approximation of the normal quantile, refined to rounding precision by Halley steps.
static double normal_quantile(double p) {
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
        1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
        6.680131188771972e+01, -1.328068155288572e+01};
    // Arguments lie in [0.0227, 0.9773] (truncation at 2): inside the central region [0.02425, ...] except for a sliver where
    // the approximation is still a good start for Halley's iteration; two steps cover it.
    double q = p - 0.5, r = q * q;
    double x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
               (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1.0);
    for (int i = 0; i < 2; i++) {
        double e = 0.5 * erfc(-x / M_SQRT2) - p;
        double u = e * sqrt(2.0 * M_PI) * exp(x * x / 2.0);
        x -= u / (1.0 + x * u / 2.0);
    }
    return x;
}

double random_truncated_normal(random_stream s, uint64_t position) {
    philox4x32_ctr_t w = block_at(s, position, 1);
    double low = 0.5 * erfc(2.0 / M_SQRT2), high = 1.0 - low;
    return normal_quantile(low + (high - low) * open_uniform(w.v[0], w.v[1]));
}

void random_dropout(random_stream s, uint64_t first, int64_t n, double p, real *factors) {
    // A word is kept if it is at least p * 2^32; p = 1 keeps none.
    uint64_t threshold = (uint64_t)(p * 4294967296.0);
    real scale = p < 1.0 ? (real)(1.0 / (1.0 - p)) : 0;
    int64_t i = 0;
    while (i < n) {
        uint64_t position = first + (uint64_t)i;
        philox4x32_ctr_t w = block_at(s, position / 4, 0);
        for (uint32_t lane = position % 4; lane < 4 && i < n; lane++, i++)
            factors[i] = w.v[lane] >= threshold ? scale : 0;
    }
}
