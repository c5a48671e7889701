// The remaining time of all runs of a comparison, estimated from this process's progress. Runs are weighted by their models'
// operations per token.
#pragma once

#include "compare/plan.h"

typedef struct eta {
    const comparison_plan *plan;
    double started; // clock time
    double work,
        done; // in operations per token: of the runs that this process trains, and of those that have ended
} eta;

// Determines which runs are unfinished and starts the clock.
sigmoe_status eta_begin(eta *e, const comparison_plan *p);
// Notes that `part` of a run was done before: it is not work of this process.
void eta_skip(eta *e, int variant, double part);
// Notes that a run has ended.
void eta_end(eta *e, int variant);
// `running` is the work done in runs that have not ended, summed over them. NaN: nothing is known yet.
double eta_seconds_left(const eta *e, double running);
// A run's work, in operations per token.
double eta_work(const eta *e, int variant);
