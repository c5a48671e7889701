// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011): a number is a pure function of (seed, step, layer,
// purpose, position), so it is the same for any number of threads and after any resume.
#pragma once

#include "base/real.h"

#include <stdbool.h>

// What a number is for. Append only: reordering would change the results of every seed.
typedef enum random_purpose {
    RANDOM_INIT = 1,      // position: element of the tensor; layer: index of the parameter in the list
    RANDOM_DROPOUT_EMBED, // position: token * d + channel, here and below
    RANDOM_DROPOUT_ATTENTION,
    RANDOM_DROPOUT_FF,
    RANDOM_DROPOUT_FF_INNER, // token * width + channel
    RANDOM_DROPOUT_FINAL,
    RANDOM_EXPERT_DROPOUT, // token * N_E + expert
    RANDOM_ROUTER_NOISE,   // token * N_E + expert
    RANDOM_ROUTER_CHOICE,  // token * N_E + expert
    RANDOM_HASH_TABLE,     // vocabulary entry * N_E + expert
    RANDOM_DATA,           // sampling of corpora
    RANDOM_TEST,
    RANDOM_SAMPLING, // the token's place in what continues a prompt
} random_purpose;

typedef struct random_stream {
    uint64_t seed;
    uint64_t step;
    uint32_t layer;
    random_purpose purpose;
} random_stream;

uint32_t random_bits(random_stream s, uint64_t position);
// Uniform in [0, 1) with 32 bits.
double random_uniform(random_stream s, uint64_t position);
// Standard normal (Box-Muller on the four words of the position's own block).
double random_normal(random_stream s, uint64_t position);
// Standard normal truncated to [-2, 2], by inverting the cumulative distribution.
double random_truncated_normal(random_stream s, uint64_t position);

// Dropout factors for positions [first, first + n): 0 with probability p, else 1 / (1 - p). p in [0, 1].
void random_dropout(random_stream s, uint64_t first, int64_t n, double p, real *factors);
