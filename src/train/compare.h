// Carrying out a comparison: the user's own, or a sweep's.
#pragma once

#include "train/compare_plan.h"
#include "train/sweep_plan.h"

// Plans, trains what is not trained yet, `jobs` runs at a time, and writes every output; *table as sigmoe_compare's. `sweep`
// is NULL for a comparison of the user's own.
sigmoe_status comparison_carry_out(const sigmoe_compare_request *request, const sweep_plan *sweep, int jobs,
    const sigmoe_observer *observer, const char **table);

// Trains one of the planned runs to its end, or reads what came out of it, and notes that.
sigmoe_status comparison_run(comparison *c, int run);
