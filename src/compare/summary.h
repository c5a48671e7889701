// The result of a comparison in numbers, a summary for each variant.
#pragma once

#include "compare/result.h"

typedef struct spread {
    double mean, deviation; // sample standard deviation over seeds; NaN with fewer than two
} spread;

typedef struct variant_summary {
    spread valid, test; // over the seeds whose training stayed finite
    // Medians over the seeds of the medians over their steps. The middle half of a seed's steps lies between low and high, from
    // the lowest of the seeds to the highest.
    quartiles tokens_per_second;   // of training
    quartiles feedforward_seconds; // of a step
    quartiles feedforward_share;   // over dense's median; NaN when dense was not compared
    double peak_activation_bytes;  // the largest of the seeds
} variant_summary;

// [variants], in the comparison's arena.
sigmoe_status summarize_variants(const comparison_result *c, variant_summary **out);
