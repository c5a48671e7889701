// The directory of a comparison: taken for a new one, or found for going on with it.
#pragma once

#include "compare/plan.h"

// Locks it as long as *lock is open, here or in a run's process, and sees that compare.json says what the plan does. What was
// there before is replaced only where the request forces it, and never where the plan reads from it.
sigmoe_status comparison_open(const comparison_plan *p, const sigmoe_observer *observer, int *lock);
