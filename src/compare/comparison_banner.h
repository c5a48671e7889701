// What a comparison or sweep is about to do, told before it begins.
#pragma once

#include "compare/plan.h"

// The base, the rows, the data, the steps, how many runs there are and how many of them are done.
sigmoe_status comparison_banner(const comparison_plan *p, int jobs, const sigmoe_observer *observer);
