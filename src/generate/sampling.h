// Draws a token from a model's logits.
//
// In this order: the repetition penalty divides positive logits of tokens that the text has by it, and multiplies negative ones;
// the temperature divides all logits; top_k keeps so many tokens of the highest; top_p keeps of these the fewest, from the most
// probable down, that have at least this share of the probability; min_p keeps those that have at least this share of the most
// probable one's. With u uniform in [0, 1), the token is the first, by id, up to which the probabilities kept add up to more than
// u times their sum. At equal probability the lower id comes first. Temperature 0 takes the highest logit.
#pragma once

#include "kernels/kernel.h"

typedef struct sampling {
    double temperature;
    int64_t top_k;             // 0: all
    double top_p;              // 1: all
    double min_p;              // 0: all
    double repetition_penalty; // 1: none
    uint64_t seed;
} sampling;

sigmoe_status sampling_check(const sampling *s);
// What u is determined by, besides the seed.
typedef struct sampling_place {
    uint64_t prompt;  // prompt_key
    int64_t position; // of the token in the continuation
} sampling_place;
// Equal prompts have equal keys, and it is as good as impossible that others have.
uint64_t prompt_key(const int32_t *ids, int64_t count);

// logits [vocabulary], which it overwrites. seen [vocabulary]: 1 for tokens that the text has. Scratch memory from `a` is released.
sigmoe_status sample_token(const sampling *s, arena *a, real *logits, int64_t vocabulary, const uint8_t *seen,
    sampling_place place, int32_t *token);
