// Starts a run directory from a configuration or model, or resumes one: the implementation of sigmoe_train.
#pragma once

#include "base/status.h"

sigmoe_status run_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result);
