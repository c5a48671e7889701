// Carrying out a plan: every run is trained that is not yet, and what came out of all is put together.
#pragma once

#include "compare/result.h"

// Trains what is not trained yet, `jobs` (1..MOST_JOBS) runs at a time, in the plan's directory, which the caller holds. *out
// lives in the plan's arena. SIGMOE_INTERRUPTED when the stop flag was raised; the same call goes on later.
sigmoe_status comparison_carry_out(
    const comparison_plan *p, int jobs, const sigmoe_observer *observer, comparison_result *out);
