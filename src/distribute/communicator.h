// The processes that train one model together, each with a rank, and what they tell each other. Every process calls the same functions
// in the same order; results are those of the ranks' order, and so the same from run to run. A communicator may be NULL: that is a
// process alone, and nothing happens.
//
// All waiting ends: after the timeout, or when another process has told of a failure. A function that returns a failure has made the
// communicator useless, and the process is to end.
#pragma once

#include "base/tensor.h"
#include "distribute/rank_group.h"
#include "distribute/transport.h"

#include <stdint.h>

typedef struct communicator communicator;

// The one of this process: *out is NULL where no launcher has started it as one of several. The same one each time, with another
// timeout (seconds).
sigmoe_status communicator_open(double timeout, communicator **out);
// communicator_speaks of the one that was opened.
bool communicator_process_speaks(void);
// One over a transport, which stays the caller's; for tests.
sigmoe_status communicator_create(const transport *link, double timeout, communicator **out);
// The one of the `size` neighbouring ranks that this process is among, which get ranks of their own; NULL where that is a process alone.
// `size` divides the number of ranks. `c` must outlive it, and fails with it.
sigmoe_status communicator_part(communicator *c, int size, double timeout, communicator **out);
void communicator_destroy(communicator *c); // NULL is allowed

int communicator_rank(const communicator *c);  // 0 alone
int communicator_ranks(const communicator *c); // 1 alone
// Whether this process is rank 0, or alone.
static inline bool communicator_leads(const communicator *c) {
    return communicator_rank(c) == 0;
}
rank_group rank_group_all(const communicator *c);
const char *communicator_host(const communicator *c, int rank);

// Waits for all.
sigmoe_status communicator_meet(communicator *c);
// own [size] of every rank, all [ranks, size].
sigmoe_status communicator_gather(communicator *c, const void *own, size_t size, void *all);
// Gives all ranks what rank 0 has: bytes [size], a few.
sigmoe_status communicator_share(communicator *c, void *bytes, size_t size);
// Rank 0 gets values [count] of which every rank has a range at `own`; some may have the same one. `whole` is not used elsewhere.
sigmoe_status communicator_collect_ranges(
    communicator *c, const real *own, tensor_range range, int64_t count, real *whole);
// Replaces values [count] by their sums over a group, made in the ranks' order; NULL: all. Takes memory from the arena and gives it
// back. Called by the group's members alone.
sigmoe_status communicator_sum(
    communicator *c, const rank_group *group, real *values, int64_t count, arena *scratch);

// Fails if another process has told of a failure.
sigmoe_status communicator_listen(communicator *c);
// Tells all others that this process fails, and why: they fail with the same sentence, with the rank and its host before it.
void communicator_tell(communicator *c, const kept_failure *failure);
// Whether this process is the one that tells people what happens: rank 0, or another when rank 0 does not answer.
bool communicator_speaks(const communicator *c);
// When a process has failed, perhaps as the only one that knows: tells the others, and gives the one that speaks time to speak, since
// launchers end all with the first. Returns the failure again.
sigmoe_status communicator_fail(communicator *c, sigmoe_status status);
