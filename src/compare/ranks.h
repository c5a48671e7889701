// Runs of a comparison, spread over the processes that a launcher has started: each, or each group of them, trains the next run that no
// other has taken. Groups know of each other's runs by files alone. A run is taken while its part of a lock file is locked, which ends with the process, so
// what one leaves behind another takes over; and it is done when it has a result.
#pragma once

#include "compare/jobs.h"
#include "distribute/communicator.h"

// How many processes of the communicator share this one's memory, itself included.
int ranks_on_host(const communicator *link);
// Returns when all runs of the list are done, whoever trained them: `train`, which reads the result of a run that is done, and then
// `trained` have been called for each.
sigmoe_status run_over_ranks(const job_list *list, const sigmoe_observer *observer);
