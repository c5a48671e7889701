// Runs of a comparison, several at a time, each in a process of its own.
#pragma once

#include "train/compare_plan.h"

enum { MOST_JOBS = 64 };

// Trains all runs to their ends, `c->jobs` (1..MOST_JOBS) at a time; what came out of them is then in their directories alone. The first
// failure, or the stop flag, stops them all; they can go on later.
sigmoe_status comparison_run_jobs(comparison *c);
