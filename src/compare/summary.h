// Numeric results of a comparison: a summary of each variant.
#pragma once

#include "compare/result.h"

typedef struct spread {
    double mean, deviation; // sample standard deviation over seeds; NaN with fewer than two
} spread;

typedef struct variant_summary {
    spread valid, test; // over the seeds whose training stayed finite
    // Medians over the seeds of their medians over steps. low and high enclose the middle half of the steps of every seed: the
    // lowest and the highest of the seeds' quartiles.
    quartiles tokens_per_second;   // of training
    quartiles feedforward_seconds; // of a step
    quartiles feedforward_share;   // relative to dense's median; NaN if dense was not compared
    double peak_activation_bytes;  // the largest of the seeds
} variant_summary;

// [variants], in the comparison's arena.
sigmoe_status summarize_variants(const comparison_result *c, variant_summary **out);
