// The directory of a comparison: created for a new one, or opened to resume one.
#pragma once

#include "compare/plan.h"

// Locks the directory while *lock is open, here or in a run's process, and checks that the comparison in it can go on as
// planned; compare.json is then the plan's. Existing contents are replaced only if the request forces it, and never if they hold
// an input of the plan. Sets p->sequential if the comparison was begun so.
sigmoe_status comparison_open(comparison_plan *p, const sigmoe_observer *observer, int *lock);
// The same for a plan of more seeds, in a directory that is open.
sigmoe_status comparison_renew(comparison_plan *p, const sigmoe_observer *observer);
// Without changing anything: whether the comparison in the directory, if there is one, can go on as planned; p->look and
// p->sequential are then those of its scores.
sigmoe_status comparison_check(comparison_plan *p);
// Records that the scores of this many seeds are looked at, and sets p->look.
sigmoe_status comparison_look(comparison_plan *p);
