// Times of messages between the processes of a launch.
#pragma once

#include "distribute/communicator.h"
#include "plan/machine_rates.h"

// Where link is NULL there are none: ranks is 0.
sigmoe_status measure_messages(communicator *link, message_rates *rates);
// means [count]: of own [count] over the ranks.
sigmoe_status mean_over_ranks(communicator *link, const double *own, int count, double *means);
