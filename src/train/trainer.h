// Training: a model, its optimizer, its position in the data, and (with a run directory) its logs and checkpoints.
//
//   trainer_create -> [trainer_load] -> [trainer_begin_run] -> trainer_run -> trainer_destroy   a whole run
//   trainer_create -> trainer_step ... -> trainer_score -> trainer_destroy                      step by step
#pragma once

#include "base/threads.h"
#include "config/config_file.h"
#include "data/dataset.h"
#include "model/transformer_xl.h"
#include "train/checkpoint_keep.h"
#include "train/quartiles.h"
#include "train/step_report.h"
#include "train/team.h"
#include "train/watching.h"

typedef struct trainer trainer;

typedef struct trainer_request {
    const sigmoe_config *config;           // copied; vocabulary and tokenizer must be, or become, the data's
    const dataset *data;                   // copied; NULL: only trainer_step_on works
    const sigmoe_train_settings *settings; // copied; the seed is in here
    double
        checkpoint_seconds;  // between checkpoints, where settings->checkpoint_every is 0; 0: none on the way
    checkpoint_keep keep;    // newest may be 0: the default
    int64_t accumulate;      // parts in which a batch is computed, one after the other; 0: 1
    int64_t expert_parallel; // parts in which ranks have the experts of each layer; 0: 1
    communicator *link; // with those of other processes, which train their shares of each batch; NULL: alone
    team_sharing sharing;  // with them
    int threads;           // 0: what the machine allows
    run_watching watching; // copied
} trainer_request;

// Draws weights from settings->seed; writes nothing to disk.
sigmoe_status trainer_create(const trainer_request *request, trainer **out);
// Replaces the weights with those of a model directory with the same tensors.
sigmoe_status trainer_load(trainer *t, const char *model_directory);
// From here on, the trainer keeps train.json, metrics.jsonl, valid.jsonl and checkpoints/ in `run`, a new directory.
sigmoe_status trainer_begin_run(trainer *t, const char *run);
// Fails where the ranks are about to train something else than rank 0.
sigmoe_status trainer_compare(trainer *t);
// The same for a trainer that is not rank 0: it keeps nothing there but its part of the checkpoints.
sigmoe_status trainer_follow_run(trainer *t, const char *run);
// Checkpoints are written only while the run's lock file is still the one behind this descriptor, which is the caller's.
void trainer_guard(trainer *t, int lock);
void trainer_destroy(trainer *t); // NULL is allowed

// One update, on the next batch of the data. If the loss or gradient is not finite: SIGMOE_NOT_FINITE, and weights are
// unchanged.
sigmoe_status trainer_step(trainer *t, step_report *report);
// The same on the caller's tokens, inputs and targets [batch, unroll] (for benchmarks).
sigmoe_status trainer_step_on(
    trainer *t, const int32_t *inputs, const int32_t *targets, bool new_epoch, step_report *report);

// Sets what later backward passes compute again instead of keeping it; at first, nothing.
void trainer_recompute(trainer *t, sigmoe_recompute what);
// Has a run stop in time to be done at this time of seconds_now(); at first, and at 0, it goes on to its end.
void trainer_stop_before(trainer *t, double deadline);

// Steps are watched from now on. trainer_write_trace tells in a file what the last one did when, as chrome://tracing reads it.
sigmoe_status trainer_watch_steps(trainer *t);
sigmoe_status trainer_write_trace(const trainer *t, const char *path);

transformer *trainer_model(trainer *t);
const sigmoe_config *trainer_config(const trainer *t); // as trained: with the data's vocabulary
const sigmoe_train_settings *trainer_settings(const trainer *t);
const dataset *trainer_dataset(const trainer *t);
int64_t trainer_steps_done(const trainer *t);
kernel_context trainer_kernel(trainer *t); // its threads and scratch arena, borrowed between calls
arena *trainer_activations(trainer *t);    // likewise

// Costs since the trainer was created or reset, as reported by comparisons.
typedef struct trainer_costs {
    int64_t steps;
    double seconds, feedforward_seconds; // sums over steps, without validations and checkpoints
    step_samples step_times, feedforward_times;
    double peak_activation_bytes; // activations and scratch arenas
} trainer_costs;
const trainer_costs *trainer_costs_so_far(const trainer *t); // the trainer's own
double trainer_tokens_per_second(const trainer *t);          // of the median step
void trainer_costs_reset(trainer *t);
