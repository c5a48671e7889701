// Training: one model, its optimizer, its place in the data, and (with a run directory) its log and checkpoints.
//
//   trainer_create -> [trainer_load] -> [trainer_begin_run] -> trainer_run -> trainer_destroy   a whole run
//   trainer_create -> trainer_step ... -> trainer_score -> trainer_destroy                      step by step
#pragma once

#include "base/threads.h"
#include "data/dataset.h"
#include "model/transformer_xl.h"
#include "train/config_file.h"
#include "train/quartiles.h"

typedef struct trainer trainer;

typedef struct trainer_request {
    const sigmoe_config *config;           // copied; vocabulary and tokenizer must be, or become, the data's
    const dataset *data;                   // copied; NULL: only trainer_step_on works
    const sigmoe_train_settings *settings; // copied; the seed is in here
    double
        checkpoint_seconds; // between checkpoints, where settings->checkpoint_every is 0; 0: none on the way
    int threads;            // 0: what the machine allows
} trainer_request;

// Weights drawn from settings->seed; nothing on disk.
sigmoe_status trainer_create(const trainer_request *request, trainer **out);
// Replaces the weights by those of a model directory with the same tensors.
sigmoe_status trainer_load(trainer *t, const char *model_directory);
// From here on the trainer keeps train.json, metrics.jsonl, valid.jsonl and checkpoints/ in `run`, a new directory.
sigmoe_status trainer_begin_run(trainer *t, const char *run);
// The newest checkpoint of `run` and everything that belongs to it; goes on with the bits of an uninterrupted run. The data are
// those in `data_directory`, which must be the same (NULL: where they were when the run began).
sigmoe_status trainer_resume(const char *run, const char *data_directory, int threads, trainer **out);
void trainer_destroy(trainer *t); // NULL is allowed

// What one step did.
typedef struct step_report {
    int64_t step; // its number, from 0
    double loss;  // mean cross entropy, nats per token
    double regularizer;
    double gradient_norm; // before the clip
    double lr;
    double seconds;             // all of the step
    double feedforward_seconds; // of it, in FF blocks, forward and backward
    double tokens_per_second;
} step_report;

// The next batch of the data, one update. A loss or gradient that is not finite: SIGMOE_NOT_FINITE, weights untouched.
sigmoe_status trainer_step(trainer *t, step_report *report);
// The same on tokens of the caller's, inputs and targets [batch, unroll] (benchmarks).
sigmoe_status trainer_step_on(
    trainer *t, const int32_t *inputs, const int32_t *targets, bool new_epoch, step_report *report);

// Steps to the end of the settings, with metrics, validations, checkpoints and progress. `task` is what progress calls it.
// When the stop flag is raised: a checkpoint (with a run directory), then SIGMOE_INTERRUPTED. *result may be NULL.
sigmoe_status trainer_run(
    trainer *t, const char *task, const sigmoe_observer *observer, sigmoe_train_result *result);

// The model's score on a split now: `batch` streams, evaluation's memory, the first `limit_tokens` (0: all). Training is
// not disturbed. `observer` may be NULL.
sigmoe_status trainer_score(trainer *t, const char *split, int64_t batch, int64_t limit_tokens,
    const sigmoe_observer *observer, sigmoe_scores *scores);

// What the backward passes from here on compute again instead of keeping it; nothing at first.
void trainer_recompute(trainer *t, sigmoe_recompute what);

transformer *trainer_model(trainer *t);
const sigmoe_config *trainer_config(const trainer *t); // as trained: with the data's vocabulary
const sigmoe_train_settings *trainer_settings(const trainer *t);
const dataset *trainer_dataset(const trainer *t);
int64_t trainer_steps_done(const trainer *t);
kernel_context trainer_kernel(trainer *t); // its threads and scratch arena, borrowed between calls
arena *trainer_activations(trainer *t);    // likewise

// Since the trainer exists or was reset: what comparisons report.
typedef struct trainer_costs {
    int64_t steps;
    double seconds, feedforward_seconds; // of steps alone, without validations and checkpoints: sums
    step_samples step_times, feedforward_times;
    double peak_activation_bytes; // activations and scratch arenas
} trainer_costs;
const trainer_costs *trainer_costs_so_far(const trainer *t); // the trainer's own
double trainer_tokens_per_second(const trainer *t);          // of the median step
void trainer_costs_reset(trainer *t);
