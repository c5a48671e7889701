// The best rate among repeated trials, on a machine that others use, too.
#pragma once

#include <stdint.h>

// Does `rounds` rounds of work and returns the seconds that it took.
typedef double timed_rounds(void *context, int64_t rounds);

typedef struct best_rate_plan {
    double least_seconds; // what takes less is not a trial
    int least_trials, most_trials;
    int without_gain; // so many trials after the last that was better by more than noise end it
} best_rate_plan;

// Rounds a second. An interruption only lengthens a trial, so the best one is the truest; and a trial that is too short, at
// whatever time, shows that rounds are too few to be timed, even where an interrupted one before it seemed long enough.
double best_rate(timed_rounds *work, void *context, const best_rate_plan *plan);
