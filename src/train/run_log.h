// A run's logs: metrics.jsonl (one line per step), valid.jsonl (one line per validation), usage.jsonl (one line for every few
// steps, see train/expert_load.h), and samples.jsonl (one line per validation of a run with a prompt for samples).
#pragma once

#include "formats/event_file.h"
#include "model/feedforward/statistics.h"
#include "train/log_file.h"
#include "train/step_report.h"
#include "train/watching.h"

typedef struct run_log {
    log_file metrics, valid, usage; // not open without a run directory: nothing is written
    log_file samples;               // not open either if none were wanted so far
    event_file events;              // none is open if none are wanted
    int64_t last_validation;        // step after which the last one was made; -1: none
    int64_t best_step;              // step after which the best one was made; -1: none
    double best;                    // its nats per token
} run_log;

extern const run_log run_log_none; // nothing is open

// Opens the logs of a run that has done `steps_done` steps and cuts off what was written after its checkpoint (NULL: a new run).
// If lines of earlier steps are missing or damaged, fails and cuts nothing. `watching`: what is wanted beside the logs.
sigmoe_status run_log_open(
    run_log *log, const char *run, int64_t steps_done, const run_watching *watching, const char *checkpoint);
void run_log_close(run_log *log);
// What decides what is due next, for those that do not have the log themselves.
typedef struct run_log_state {
    int64_t last_validation, best_step;
    double best;
} run_log_state;
run_log_state run_log_state_of(const run_log *log);
void run_log_follow(run_log *log, run_log_state state);
sigmoe_status run_log_step(run_log *log, const step_report *report);
sigmoe_status run_log_usage(run_log *log, int64_t step, const ff_statistics *s);
sigmoe_status run_log_validation(run_log *log, int64_t steps_done, const sigmoe_scores *scores);
// `text` [size] continues the prompt.
sigmoe_status run_log_sample(
    run_log *log, int64_t steps_done, const char *prompt, const char *text, size_t size);
// Forces everything written so far to disk: a checkpoint depends on it.
sigmoe_status run_log_sync(run_log *log);
// How much of each log there is, for log_sums_write; the caller's to release.
sigmoe_status run_log_sums(const run_log *log, json_t **out);
