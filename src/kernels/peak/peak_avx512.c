#include "kernels/peak/peak_vector.h"

float peak_chains_avx512(int64_t rounds, double *operations) {
    return chains(rounds, operations);
}
