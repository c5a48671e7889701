// The trainer's members, for the files of train/ that work on a trainer.
#pragma once

#include "data/batch_stream.h"
#include "model/workspace.h"
#include "system/file.h"
#include "train/batch_parts.h"
#include "train/not_finite.h"
#include "train/run_health.h"
#include "train/run_log.h"
#include "train/sample.h"
#include "train/team.h"
#include "train/tensor_flow.h"
#include "train/trainer.h"

enum { SPLITS = 3 };

// What steps whose numbers were not finite have done to a training; a part of each checkpoint.
typedef struct odd_steps {
    int64_t skipped, skipped_in_a_row; // steps; the latter up to the newest
    int64_t batches_left_out;          // by going back
    double lr_scale;                   // product of the factors of all times
} odd_steps;

struct trainer {
    sigmoe_config config; // with the data's vocabulary
    sigmoe_train_settings settings;
    char run[PATH_CAPACITY]; // "": nothing on disk
    run_log log;
    sampler *sampler; // NULL: no samples at validations
    bool tensorboard; // the log has event files
    char on_nonfinite[ON_NONFINITE];
    int64_t last_checkpoint; // its step; -1: none
    bool alone_noted;        // that rank 0 writes checkpoints alone
    int lock;                // borrowed descriptor of the run's lock file; -1: none
    double checkpoint_seconds;
    checkpoint_keep keep;
    double saved_at; // time when the last checkpoint was written, or when the run started or resumed
    double deadline; // 0: none
    double round_began, longest_round; // of the run's loop: a step, and what was due after it
    // Of the run in progress, otherwise NULL: its observer, and how many requests to save have been served.
    const sigmoe_observer *observer;
    int saves_answered;

    dataset data;
    token_split *splits[SPLITS]; // opened when first needed
    batch_stream stream;         // of the train split; the cursor

    workspace work;
    sigmoe_recompute recompute;
    ff_statistics *statistics; // counts what the next step's blocks do; NULL: nothing is counted
    arena *buffers;
    int32_t *inputs, *targets; // [B, T], where B are the sequences of this process
    double *nats;              // [B * T]
    transformer *model;
    xl_memory *memory;
    batch_parts parts;
    team team;
    tensor_flow *flow; // NULL alone

    timeline *timeline; // of the last step; NULL: nobody watches

    int64_t step; // steps done: the number of the next step
    odd_steps odd;
    int rewinds;          // in a row, to the checkpoint of step rewound_to; a resumed run does them again
    int64_t rewound_to;   // -1: none
    int64_t rewound_from; // what the next step's line says; -1: nothing
    run_health health;
    trainer_costs costs;
};

// Builds everything except the values of the weights.
sigmoe_status trainer_build(const trainer_request *request, trainer **out);
// Opens the logs in `run` at the trainer's step, as its checkpoint (NULL: none yet) says that they were.
sigmoe_status trainer_attach_run(trainer *t, const char *run, const char *checkpoint);
// Its text is the trainer's.
run_watching trainer_watching(const trainer *t);
sigmoe_status trainer_split(trainer *t, const char *name, token_split **out);
