#pragma once

#include <stdint.h>

// Results of one step.
typedef struct step_report {
    int64_t step; // its number, from 0
    double loss;  // mean cross entropy, nats per token
    double regularizer;
    double gradient_norm; // before the clip
    double lr;
    double seconds;             // of the whole step
    double feedforward_seconds; // in FF blocks, forward and backward
    double tokens_per_second;
} step_report;
