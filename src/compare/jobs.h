// Runs of a comparison, several at a time, each in a process of its own.
#pragma once

#include "compare/eta.h"

enum { MOST_JOBS = 64 };

// Trains one of the planned runs to its end.
typedef sigmoe_status run_function(void *context, int run, const sigmoe_observer *observer);

// `train` for all runs, `jobs` (1..MOST_JOBS) at a time; what came out of them is then in their directories alone. The first
// failure, or the stop flag, stops them all; they can go on later.
sigmoe_status run_in_processes(const comparison_plan *p, int jobs, const sigmoe_observer *observer, eta *e,
    run_function *train, void *context);
