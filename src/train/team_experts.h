// The experts of a team's ranks: groups of neighbouring ranks have them all, each of the group its part.
#pragma once

#include "distribute/communicator.h"
#include "model/expert_exchange.h"

// SIGMOE_BAD_ARGUMENT unless `experts` experts (0: the model has none) can be spread over groups of `parts` of the `ranks`.
sigmoe_status team_experts_check(int64_t parts, int ranks, int64_t experts);

// The ranks that have all experts together, of which this process is one.
rank_group team_experts_holders(const communicator *link, int parts);
// Those that have the same experts as this process.
rank_group team_experts_copies(const communicator *link, int parts);

// The exchange between holders; the communicator stays the caller's.
typedef struct team_experts {
    communicator *link;
    rank_group holders;
    expert_exchange exchange; // its context is this object, which is not to be moved
} team_experts;
void team_experts_join(team_experts *e, communicator *link, int parts);
