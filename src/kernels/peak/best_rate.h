// The best rate of repeated trials, on a machine that others may be using, too.
#pragma once

#include <stdint.h>

// Does `rounds` rounds of work and returns the seconds it took.
typedef double timed_rounds(void *context, int64_t rounds);

typedef struct best_rate_plan {
    double least_seconds; // minimum length of a valid trial
    int least_trials, most_trials;
    int without_gain; // stop after this many trials without an improvement above noise
} best_rate_plan;

// Rounds per second. An interruption can only lengthen a trial, so the best one is the most accurate. A trial that is too
// short, at any time, shows that there are too few rounds to be timed, even if an earlier, interrupted trial seemed long
// enough.
double best_rate(timed_rounds *work, void *context, const best_rate_plan *plan);
