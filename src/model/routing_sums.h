// Room for what the routing of a model's layers sums up to over a batch (model/whole_batch.h).
#pragma once

#include "model/config.h"

// For all layers, in the arena; *out is NULL where the result for a token never depends on the rest of its batch.
sigmoe_status routing_sums_create(arena *a, const model_config *config, routing_sums **out);
