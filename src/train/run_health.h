// What is odd about a run while it learns, told to its observer: losses far above those before, experts that get no token any more,
// routers that collapse. No bit of the training depends on it.
#pragma once

#include "base/observer.h"
#include "model/feedforward/statistics.h"

enum { HEALTH_LOSSES = 100 }; // that a loss is compared with

typedef struct run_health {
    double losses[HEALTH_LOSSES]; // the newest, in any order
    int count, next;
    int64_t quiet_until; // the step before which no other loss is told of
    int *idle;           // [layers, experts]: how often in a row an expert had no token
    bool *collapsed;     // [layers]
} run_health;

// The loss of a step. Whether it stands out is measured by the median of the losses before, and by the median distance from it.
void run_health_loss(run_health *h, int64_t step, double loss, const sigmoe_observer *observer);
// What the blocks did in a step (every USAGE_EVERY-th); `used`: experts of a token. The arena holds the counts; it is always the
// same.
sigmoe_status run_health_usage(run_health *h, int64_t step, const ff_statistics *s, int64_t used, arena *a,
    const sigmoe_observer *observer);
