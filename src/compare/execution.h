// Executes a plan: trains all runs that are not trained yet, and collects the results of all.
#pragma once

#include "compare/result.h"

// Trains the untrained runs, `jobs` (1..MOST_JOBS) at a time, in the plan's directory, which the caller has locked. *out lives
// in the plan's arena. SIGMOE_INTERRUPTED if the stop flag was raised; the same call resumes later.
sigmoe_status comparison_carry_out(
    const comparison_plan *p, int jobs, const sigmoe_observer *observer, comparison_result *out);
