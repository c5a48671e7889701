// A run's logs as curves over time.
#pragma once

#include "base/arena.h"

typedef struct validation_point {
    int64_t step;   // steps done
    double seconds; // of training so far, without validations and checkpoints
    double nats_per_token, bits_per_char, bits_per_token, perplexity; // NaN: unknown
} validation_point;

typedef struct run_curve {
    int64_t steps;
    double *loss;    // [steps] nats per token; NaN: not finite
    double *seconds; // [steps] of training up to the end of the step
    double *rate;    // [steps] tokens per second; NaN: unknown
    int validations;
    validation_point *validation; // [validations], ascending steps
} run_curve;

// Reads RUN/metrics.jsonl and RUN/valid.jsonl into the arena; a step has `step_tokens` tokens.
sigmoe_status run_curve_read(const char *run, int64_t step_tokens, arena *a, run_curve *out);
