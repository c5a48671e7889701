// Trainings on machines that one does not have: the implementation of sigmoe_plan and sigmoe_plan_calibrate.
#pragma once

#include "base/status.h"

sigmoe_status plan_cluster(
    const sigmoe_plan_request *request, const sigmoe_observer *observer, char **summary);
sigmoe_status plan_calibrate(const sigmoe_calibrate_request *request, const sigmoe_observer *observer);
