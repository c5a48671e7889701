// A run's log of steps, for its page.
#pragma once

#include "base/arena.h"

typedef enum step_number { STEP_LOSS, STEP_GRADIENT, STEP_RATE, STEP_SPEED, STEP_NUMBERS } step_number;

// Means over equal parts of the training, so that a long run's curve is no longer than a short one's.
enum { MOST_PARTS = 250 };
typedef struct run_history {
    int64_t steps;
    int parts;
    double at[MOST_PARTS];                  // the step in the middle of the part
    double mean[STEP_NUMBERS][MOST_PARTS];  // NaN: no finite number
    double least[STEP_NUMBERS][MOST_PARTS]; // likewise
    double most[STEP_NUMBERS][MOST_PARTS];
} run_history;

// Reads RUN/metrics.jsonl.
sigmoe_status run_history_read(const char *run, run_history *out);
