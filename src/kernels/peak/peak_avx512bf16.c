#include "kernels/peak/peak.h"

#include <immintrin.h>

// At most one product of pairs starts per cycle, with a latency of six: twelve chains hide that.
enum { CHAINS = 12, PAIRS = 16 };

float peak_chains_avx512bf16(int64_t rounds, double *operations) {
    const __m512bh ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_setzero_ps();
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_dpbf16_ps(sums[i], ones, ones);
    __m512 total = sums[0];
    for (int i = 1; i < CHAINS; i++) total += sums[i];
    *operations = 4.0 * PAIRS * CHAINS * (double)rounds;
    return _mm512_reduce_add_ps(total);
}
