#include "kernels/peak/peak.h"

float peak_chains_scalar(int64_t rounds, double *operations) {
    enum { CHAINS = 48 }; // twelve vectors of four, the baseline's width
    float sums[CHAINS], total = 0;
    for (int i = 0; i < CHAINS; i++) sums[i] = (float)i;
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * 0.999f + 0.001f;
    for (int i = 0; i < CHAINS; i++) total += sums[i];
    *operations = 2.0 * CHAINS * (double)rounds;
    return total;
}
