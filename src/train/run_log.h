// What a run says about itself: metrics.jsonl (a line a step), valid.jsonl (a line a validation),
// usage.jsonl (a line of some steps, see train/expert_load.h).
#pragma once

#include "model/feedforward/statistics.h"
#include "train/step_report.h"

#include <stdio.h>

typedef struct run_log {
    FILE *metrics, *valid, *usage; // NULL without a run directory: nothing is written
    int64_t last_validation;       // the step after which the newest one was made; -1: none
} run_log;

// Opens the logs of a run that has done `steps_done` steps; lines of later steps, and a
// half line, are cut off. An error where lines of earlier ones are missing or damaged: nothing is cut then.
sigmoe_status run_log_open(run_log *log, const char *run, int64_t steps_done);
void run_log_close(run_log *log);
sigmoe_status run_log_step(run_log *log, const step_report *report);
sigmoe_status run_log_usage(run_log *log, int64_t step, const ff_statistics *s);
sigmoe_status run_log_validation(run_log *log, int64_t steps_done, const sigmoe_scores *scores);
// Everything written so far is on the disk afterwards: what a checkpoint stands on.
sigmoe_status run_log_sync(run_log *log);
