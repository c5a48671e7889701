// The whole batch of a training step, where a pass sees only a part of it: the sequences that a process computes at a time, or those
// that it has of a batch spread over processes. Losses are means over the whole batch, random numbers belong to places in it, and
// what routing is balanced by is summed over it.
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

// What a layer's routing of the whole batch sums up to.
typedef struct routing_sums {
    double *bias;   // [N_E]: what Sinkhorn adds to the logits
    double *counts; // [3, N_E]: what regularizers depend on
} routing_sums;

// How a process learns of the other processes' parts.
typedef struct batch_exchange {
    void *context;
    int64_t parts; // processes
    // Hands out own [count] of every process, all [parts, count], in an order that is the same for all.
    sigmoe_status (*gather)(void *context, const double *own, int64_t count, double *all);
} batch_exchange;

typedef struct whole_batch {
    int64_t first;        // place in it of the pass's first token; its others follow
    int64_t tokens;       // of the whole batch
    bool known;           // forward passes find the sums in `layers`; otherwise they leave them there
    routing_sums *layers; // [L]; NULL where no layer needs them
    const batch_exchange *exchange; // NULL: the pass sees all that is summed
} whole_batch;

// own [count] of all parts, *all [*parts, count], in the arena. Without an exchange, or a batch (NULL), *all is own.
sigmoe_status whole_batch_gather(
    const whole_batch *whole, const double *own, int64_t count, arena *a, int64_t *parts, const double **all);
// Replaces values [count] by their sums over all parts, which are made in the parts' order. Takes memory from the arena.
sigmoe_status whole_batch_sum(const whole_batch *whole, double *values, int64_t count, arena *a);
