// The time of a training step: what plan/step_work.h counts, at the speeds of plan/machine_rates.h.
#pragma once

#include "plan/machine_rates.h"
#include "plan/network.h"
#include "plan/schemes.h"

// Nodes with a rank each.
typedef struct cluster {
    const machine_rates *rates;
    int cores; // of a node, each with a thread that is as fast as those that were measured
    double
        memory; // bytes per second of a node; 0: what its cores move, but at most what a socket of today does
    const network *network; // NULL: messages as measured
} cluster;

typedef struct step_estimate {
    double seconds;       // of a step
    double compute;       // of them: forward and backward
    double update;        // the optimizer
    double communication; // what is not hidden behind the backward pass
    double memory_bytes;  // of a rank
    double traffic_bytes; // that a rank sends
} step_estimate;

step_estimate estimate_step(const cluster *c, scheme s, const step_work *work, dtype operands, int64_t ranks);
