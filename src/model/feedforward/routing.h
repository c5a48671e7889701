// What a router decides.
#pragma once

#include "base/tensor.h"

// The decision of one layer for one segment: for each token K distinct experts, from the highest ranked down.
typedef struct routing {
    int64_t tokens, experts, slots;
    matrix logits;    // r [T, N_E]; without data where the router has none
    matrix scores;    // [T, N_E], by which experts are ranked, dropout apart
    uint8_t *dropped; // [T, N_E], 1 for a dropped pair; NULL without expert dropout
    int32_t *chosen;  // [T, K]
    real *weight;     // [T, K]; 0 for dropped pairs
    void *own;        // what the router keeps for its backward
} routing;
