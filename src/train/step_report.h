#pragma once

#include <stdbool.h>
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
    bool skipped; // its numbers were not finite: no weight has changed
    int64_t
        rewound_from; // the step whose numbers were not finite, so that this one was done again; -1: it was not
} step_report;
