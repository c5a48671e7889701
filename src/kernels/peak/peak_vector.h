// Included by one file per instruction set.
#include "kernels/peak/peak.h"
#include "kernels/vector.h"

// Two multiply-adds start per cycle, with a latency of four to five cycles: ten chains would suffice.
enum { CHAINS = 12 };

static float chains(int64_t rounds, double *operations) {
    vec sums[CHAINS], factor = vec_all(0.999f), summand = vec_all(0.001f);
    for (int i = 0; i < CHAINS; i++) sums[i] = vec_all((float)i);
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++) sums[i] = vec_fma(sums[i], factor, summand);
    vec total = sums[0];
    for (int i = 1; i < CHAINS; i++) total += sums[i];
    *operations = 2.0 * LANES * CHAINS * (double)rounds;
    return vec_sum(total);
}
