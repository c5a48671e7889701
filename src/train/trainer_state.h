// What a trainer consists of: for those files of train/ that work on one.
#pragma once

#include "data/batch_stream.h"
#include "model/workspace.h"
#include "system/file.h"
#include "train/run_log.h"
#include "train/trainer.h"

enum { SPLITS = 3 };

struct trainer {
    sigmoe_config config; // with the data's vocabulary
    sigmoe_train_settings settings;
    char run[PATH_CAPACITY]; // "": nothing on disk
    run_log log;
    int64_t last_checkpoint; // its step; -1: none
    double checkpoint_seconds;
    double saved_at; // by the clock: when there was a checkpoint, or the run began or went on
    // Of the run that is under way, otherwise NULL: its observer, and the count of requests to save that has been answered.
    const sigmoe_observer *observer;
    int saves_answered;

    dataset data;
    token_split *splits[SPLITS]; // opened when first needed
    batch_stream stream;         // of the train split; the cursor

    workspace work;
    sigmoe_recompute recompute;
    ff_statistics *statistics; // counts what the next step's blocks do; NULL: nothing is counted
    arena *buffers;
    int32_t *inputs, *targets; // [B, T]
    double *nats;              // [B * T]
    transformer *model;
    xl_memory *memory;

    int64_t step; // steps done: the number of the next
    trainer_costs costs;
};

// All but values for the weights.
sigmoe_status trainer_build(const trainer_request *request, trainer **out);
// Opens the logs in `run` at the trainer's step.
sigmoe_status trainer_attach_run(trainer *t, const char *run);
sigmoe_status trainer_split(trainer *t, const char *name, token_split **out);
