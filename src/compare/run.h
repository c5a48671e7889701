// One run of a comparison: a variant trained from one seed, in a run directory of its own, and what came out of it.
#pragma once

#include "compare/run_result.h"

typedef struct run_request {
    const char *directory;
    const char *task; // for progress
    const sigmoe_config *config;
    const dataset *data;
    const sigmoe_train_settings *settings; // with the run's seed
    int64_t test_tokens;                   // 0: all
    double checkpoint_seconds;             // of a run that begins
    const sigmoe_observer *observer;       // may be NULL
} run_request;

// Whether there is nothing to train in the directory any more.
bool compare_run_finished(const char *directory);
// Trains from where the directory stands: nothing there, an interrupted run, or a finished one, of which result.json is read;
// what is there must have been trained as the request asks. The result's texts live in the arena. SIGMOE_INTERRUPTED when the
// stop flag was raised; the run can go on later.
sigmoe_status compare_run(const run_request *request, arena *a, run_result *result);
