// The loss of a batch that is computed in equal parts, one after the other, and the sum of their gradients: what the whole batch has at
// once, except for rounding, in less memory. Where routing is balanced over the batch, a forward pass over all of it comes first.
#pragma once

#include "model/transformer_xl.h"

typedef struct batch_parts {
    int64_t count;
    xl_memory **memory;   // [count]: what each part's sequences remember
    routing_sums *layers; // NULL where no layer needs them
} batch_parts;

// SIGMOE_BAD_ARGUMENT if `batch` sequences cannot be cut into `count` equal parts.
sigmoe_status batch_parts_check(int64_t batch, int64_t count);
// In the arena; `memory` is that of all `batch` sequences.
sigmoe_status batch_parts_create(
    arena *a, const model_config *config, int64_t batch, int64_t count, xl_memory *memory, batch_parts *out);
// As transformer_loss, of the batch that `step` describes, with the memory that the parts were created with.
sigmoe_status batch_parts_loss(const batch_parts *parts, transformer *model, step_context *step,
    xl_memory *memory, const int32_t *targets, double *nats);
