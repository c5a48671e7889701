// One run of a comparison: a variant trained from one seed in its own run directory, and its result.
#pragma once

#include "compare/run_result.h"
#include "distribute/communicator.h"

typedef struct run_request {
    const char *directory;
    const char *task; // name in progress reports
    const sigmoe_config *config;
    const dataset *data;
    const sigmoe_train_settings *settings; // with the run's seed
    int64_t test_tokens;                   // 0: all
    double checkpoint_seconds;             // of a new run
    const char *on_nonfinite;              // of a new run, as in sigmoe_train_request
    const char *sample_prompt;             // that the model continues in the end; NULL: not
    const sigmoe_observer *observer;       // may be NULL
    communicator *link;                    // of processes that train it together; NULL: this one alone
} run_request;

// Whether the run in the directory has been trained for that many steps, and scored.
bool compare_run_finished(const char *directory, int64_t steps);
// Waits until it is: what another process has written may take a while to be seen on a network's file system.
sigmoe_status compare_run_await(const char *directory, int64_t steps, communicator *link);
// Trains from the state of the directory: nothing there, an interrupted run, or a finished one, whose result.json is read. A run of
// another number of steps is replaced; otherwise an existing run must have been trained as requested. The result's texts live in the arena. SIGMOE_INTERRUPTED if the stop flag
// was raised; the run can be resumed later.
sigmoe_status compare_run(const run_request *request, arena *a, run_result *result);
