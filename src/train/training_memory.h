// Whether there is memory for a training, before it takes any.
#pragma once

#include "config/config_file.h"

// What decides how much a step keeps at a time, beside the run's settings.
typedef struct step_shape {
    sigmoe_recompute recompute;
    int64_t accumulate;      // 0: 1
    int64_t ranks;           // processes that share a batch; 0: 1
    bool shares_moments;     // they share the optimizer's state, too
    int64_t expert_parallel; // of which each has a part of the experts; 0: 1
} step_shape;

// SIGMOE_NO_MEMORY if a training, with its validations, takes more than may be taken (base/memory_limit.h). The configuration is
// checked by others: one that is invalid passes.
sigmoe_status training_memory_check(
    const sigmoe_config *config, const sigmoe_train_settings *settings, step_shape shape);
// The same for `runs` of a comparison at a time.
sigmoe_status runs_memory_check(
    const sigmoe_config *config, const sigmoe_train_settings *settings, int runs, int ranks);
