// A run directory, from a configuration or a model, or going on with one: what sigmoe_train does.
#pragma once

#include "base/status.h"

sigmoe_status run_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result);
