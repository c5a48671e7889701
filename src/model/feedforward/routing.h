// What a router decides.
#pragma once

#include "base/tensor.h"

// One layer's decision for one segment: K distinct experts for each token, highest ranked first.
typedef struct routing {
    int64_t tokens, experts, slots;
    matrix logits;    // r [T, N_E]; without data where the router has none
    matrix scores;    // [T, N_E], by which experts are ranked, dropout apart
    uint8_t *dropped; // [T, N_E], 1 for a dropped pair; NULL without expert dropout
    int32_t *chosen;  // [T, K]
    real *weight;     // [T, K]; 0 for dropped pairs
    void *own;        // what the router keeps for its backward
} routing;
