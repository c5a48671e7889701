// Continuing a run: what its directory says of it, and a trainer in the state of its newest checkpoint.
#pragma once

#include "system/file.h"
#include "train/trainer.h"

typedef struct run_state {
    char run[PATH_CAPACITY], checkpoint[PATH_CAPACITY]; // directories, of the newest checkpoint
    int64_t step;                                       // steps done at the checkpoint
    sigmoe_config config;
    sigmoe_train_settings settings;
    double checkpoint_seconds;
    run_watching watching;
    dataset data;
} run_state;

// In the arena. Changes nothing in the run. `data_directory` must hold the same data (NULL: the directory they were in when the run began).
sigmoe_status run_state_read(const char *run, const char *data_directory, arena *a, run_state **out);
// Loads the checkpoint with everything that belongs to it. Training continues with the same bits as an uninterrupted run. Settings
// that were changed in `state` since it was read hold from here on, and are recorded in train.json.
sigmoe_status trainer_continue(const run_state *state, int thread_count, trainer **out);
// Both, without changes.
sigmoe_status trainer_resume(const char *run, const char *data_directory, int thread_count, trainer **out);
