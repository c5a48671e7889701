// Executes a plan: trains all runs that are not trained yet, and collects the results of all.
#pragma once

#include "compare/result.h"

// Is told of the result while it grows: when the runs that were trained before have been read (`run` is -1), and after each run
// that was trained since (`run` is its index in the plan). Called by the thread that carries out the comparison.
typedef struct execution_watcher {
    void (*changed)(void *context, const comparison_result *result, int run);
    void *context;
} execution_watcher;

// Checks that `jobs` runs at a time of any row have the memory that they take (train/training_memory.h).
sigmoe_status comparison_check_memory(const comparison_plan *p, int jobs);

// Trains the untrained runs, `jobs` (1..MOST_JOBS) at a time, in the plan's directory, which the caller has locked. *out lives
// in the plan's arena; after a failure it still holds what the watcher, which may be NULL, saw last. SIGMOE_INTERRUPTED if the
// stop flag was raised; the same call resumes later.
sigmoe_status comparison_carry_out(const comparison_plan *p, int jobs, const sigmoe_observer *observer,
    const execution_watcher *watcher, comparison_result *out);
// Collects the results of the runs that are trained; the others are pending. Trains and writes nothing.
sigmoe_status comparison_recall(const comparison_plan *p, comparison_result *out);
