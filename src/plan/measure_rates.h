// Measures what plan/machine_rates.h keeps, within whole training steps of a model of the given shapes with few layers and sequences.
#pragma once

#include "config/config_file.h"
#include "distribute/communicator.h"
#include "plan/machine_rates.h"

typedef struct rates_request {
    const sigmoe_config *config; // a mixture of experts
    int threads;                 // 0: all that the process may use
    communicator *link;          // NULL: alone; otherwise all ranks measure at a time, and messages, too
} rates_request;

// Rates are means over the ranks. The observer may be NULL.
sigmoe_status measure_rates(
    const rates_request *request, const sigmoe_observer *observer, machine_rates *rates);
