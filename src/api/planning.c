// Chapter 13: plans.
#include "api/request.h"
#include "base/cpu.h"
#include "plan/cluster_plan.h"

void sigmoe_plan_defaults_sized(sigmoe_plan_request *request, size_t size) {
    const sigmoe_plan_request own = {.nodes = 1, .cores = 1, .figures = true};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_plan(
    const sigmoe_plan_request *request, const sigmoe_observer *observer, char **summary) {
    *summary = NULL;
    sigmoe_plan_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "plan"));
    TRY(observer_read(observer, &space, &observer));
    return plan_cluster(&own, observer, summary);
}

void sigmoe_calibrate_defaults_sized(sigmoe_calibrate_request *request, size_t size) {
    const sigmoe_calibrate_request own = {0};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_calibrate(const sigmoe_calibrate_request *request, const sigmoe_observer *observer) {
    sigmoe_calibrate_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "calibrate"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return plan_calibrate(&own, observer);
}
