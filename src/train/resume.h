// Continuing a run: what its directory says of it, and a trainer in the state of its newest checkpoint that is whole.
#pragma once

#include "system/file.h"
#include "train/trainer.h"

typedef struct run_state {
    char run[PATH_CAPACITY], checkpoint[PATH_CAPACITY]; // directories, of the checkpoint to go on from
    int64_t step;                                       // steps done at the checkpoint
    sigmoe_config config;
    sigmoe_train_settings settings;
    int64_t accumulate, expert_parallel; // as in trainer_request, like the next: the caller's, 0 until set
    communicator *link;
    team_sharing sharing;
    double checkpoint_seconds;
    checkpoint_keep keep;
    run_watching watching;
    dataset data;
    const sigmoe_observer *observer; // borrowed; NULL: nobody is told anything
} run_state;

// In the arena. Changes nothing in the run. `data_directory` must hold the same data (NULL: the directory they were in when the run
// began). Damaged checkpoints are told to the observer, and the newest whole one is used.
sigmoe_status run_state_read(
    const char *run, const char *data_directory, const sigmoe_observer *observer, arena *a, run_state **out);
// Loads the checkpoint with everything that belongs to it. Training continues with the same bits as an uninterrupted run. What was
// changed in `state` since it was read holds from here on, and is recorded in train.json. Damaged checkpoints are set aside, and
// those that are not kept are removed.
sigmoe_status trainer_continue(const run_state *state, int thread_count, trainer **out);
// Gives all ranks what rank 0's logs say, after it has opened them.
sigmoe_status trainer_share_log(trainer *t);
// Puts a trainer, built for such a model, into the state of a checkpoint that checkpoint_check accepts; logs are not touched.
sigmoe_status trainer_load_checkpoint(trainer *t, const char *checkpoint);
