// Tensors of which each rank has a range, when rank 0 writes them: it brings them together one after the other, as their turn comes,
// and the others give theirs in the same order.
#pragma once

#include "distribute/communicator.h"
#include "formats/safetensors.h"
#include "model/parameters.h"

typedef struct tensor_collector {
    communicator *link; // borrowed
    arena *room;        // for the one that is being written
} tensor_collector;
sigmoe_status tensor_collector_open(communicator *link, tensor_collector *out);
void tensor_collector_close(tensor_collector *c);

// Has a tensor's values [count] brought when it is written; this rank has `held` of them at `own`.
sigmoe_status bring_tensor(tensor_collector *c, const real *own, tensor_range held, int64_t count, arena *a,
    tensor_to_write *tensor);
// What the other ranks do when its turn has come.
sigmoe_status give_tensor(communicator *link, const real *own, tensor_range held, int64_t count);

// The same for a model's weights: a tensor_bringer, whose context is a tensor_collector; and for all of them.
sigmoe_status bring_weights(void *collector, const parameter *p, arena *a, tensor_to_write *tensor);
sigmoe_status give_weights(communicator *link, const parameter_list *list);
