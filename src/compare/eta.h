// How long all runs of a comparison will still take: from what this process has seen of them, runs weighing as their models'
// operations a token.
#pragma once

#include "compare/plan.h"

typedef struct eta {
    const comparison_plan *plan;
    double started; // by the clock
    double work,
        done; // in operations a token: of the runs that this process trains, and of those that have ended
} eta;

// Looks which runs are unfinished, and starts the clock.
sigmoe_status eta_begin(eta *e, const comparison_plan *p);
// A run was done in part before: that part is no work of this process.
void eta_skip(eta *e, int variant, double part);
// A run has ended.
void eta_end(eta *e, int variant);
// While parts of runs, `running` of their variants' work together, have been done besides. NaN: nothing is known yet.
double eta_seconds_left(const eta *e, double running);
// A run's work.
double eta_work(const eta *e, int variant);
