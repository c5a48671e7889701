// Runs of a comparison, several at a time, each in its own process.
#pragma once

#include "compare/eta.h"

enum { MOST_JOBS = 64 };

// Trains one of the planned runs to its end.
typedef sigmoe_status run_function(void *context, int run, const sigmoe_observer *observer);

// Calls `train` for all runs, `jobs` (1..MOST_JOBS) at a time; their results are then only in their directories. The first
// failure, or the stop flag, stops all runs; they can be resumed later.
sigmoe_status run_in_processes(const comparison_plan *p, int jobs, const sigmoe_observer *observer, eta *e,
    run_function *train, void *context);
