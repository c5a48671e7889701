// The directory of a comparison: created for a new one, or opened to resume one.
#pragma once

#include "compare/plan.h"

// Locks the directory while *lock is open, here or in a run's process, and checks that compare.json matches the plan. Existing
// contents are replaced only if the request forces it, and never if they hold an input of the plan.
sigmoe_status comparison_open(const comparison_plan *p, const sigmoe_observer *observer, int *lock);
