// Runs of a comparison, several at a time, each in its own process.
#pragma once

#include "compare/eta.h"

enum { MOST_JOBS = 64 };

// What to train, and how.
typedef struct job_list {
    const comparison_plan *plan;
    eta *eta;
    const int *runs; // [count] indices in the plan
    int count;
    sigmoe_status (*train)(
        void *context, int run, const sigmoe_observer *observer); // in a process of its own
    sigmoe_status (*trained)(void *context, int run);             // afterwards, in the calling process
    bool (*finished)(void *context, int run);                     // whether the run has a result
    sigmoe_status (*await)(void *context, int run);               // until it is seen here
    void *context;                                                // of all
} job_list;

// Trains the listed runs, `jobs` (1..MOST_JOBS) at a time; their results are then in their directories. The first failure, or
// the stop flag, stops all runs; they can be resumed later.
sigmoe_status run_in_processes(const job_list *list, int jobs, const sigmoe_observer *observer);
