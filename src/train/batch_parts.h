// The loss of a batch that is computed in equal parts, one after the other, and the sum of their gradients: what the whole batch has at
// once, except for rounding, in less memory. Where routing is balanced over the batch, a forward pass over all of it comes first. The
// batch may be one process's share of a larger one, with which it exchanges sums.
#pragma once

#include "model/transformer_xl.h"

typedef struct batch_share {
    int64_t first, sequences;       // of the whole batch, those of this process
    int64_t all;                    // sequences of the whole batch
    const batch_exchange *exchange; // NULL: this process has all of them
} batch_share;

typedef struct batch_parts {
    batch_share share;
    int64_t count;
    xl_memory **memory;   // [count]: what each part's sequences remember
    routing_sums *layers; // NULL where no layer needs them
} batch_parts;

// SIGMOE_BAD_ARGUMENT if `batch` sequences cannot be cut into `count` equal parts for each of `ranks` processes.
sigmoe_status batch_parts_check(int64_t batch, int64_t count, int64_t ranks);
// In the arena; `memory` is that of the share's sequences.
sigmoe_status batch_parts_create(arena *a, const model_config *config, const batch_share *share,
    int64_t count, xl_memory *memory, batch_parts *out);
// As transformer_loss, of the share that `step` describes, with the memory that the parts were created with.
sigmoe_status batch_parts_loss(const batch_parts *parts, transformer *model, step_context *step,
    xl_memory *memory, const int32_t *targets, double *nats);
