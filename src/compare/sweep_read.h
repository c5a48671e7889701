// A sweep's plan, from the name of one of the paper's tables or from a file.
#pragma once

#include "compare/sweep_plan.h"

// All texts live in the arena. Overrides are "key=value" and apply to the base before its rows are derived.
sigmoe_status sweep_plan_make(
    const char *table, const char *const *overrides, int override_count, arena *a, sweep_plan *out);
// Adds rows, but not those that the plan has. The names are not copied.
sigmoe_status sweep_plan_add(sweep_plan *plan, const char *const *variants, int count, arena *a);
