// How long all runs of a comparison will still take: from what this process has seen of them, runs weighing as their models'
// operations a token.
#pragma once

#include "train/compare_plan.h"

// Looks which runs are unfinished, and starts the clock.
sigmoe_status forecast_begin(comparison *c);
// A run was done in part before: that part is no work of this process.
void forecast_skip(comparison *c, int variant, double part);
// A run has ended.
void forecast_end(comparison *c, int variant);
// While parts of runs, `running` of their variants' work together, have been done besides. NaN: nothing is known yet.
double forecast_seconds_left(const comparison *c, double running);
// A run's work.
double forecast_work(const comparison *c, int variant);
