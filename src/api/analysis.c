// Chapter 9: analysis.
#include "analyze/analyze.h"
#include "api/request.h"
#include "base/cpu.h"

void sigmoe_analyze_defaults_sized(sigmoe_analyze_request *request, size_t size) {
    const sigmoe_analyze_request own = {.split = "valid", .batch = 4, .figures = true};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_analyze(
    const sigmoe_analyze_request *request, const sigmoe_observer *observer, char **summary) {
    *summary = NULL;
    sigmoe_analyze_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "analyze"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return analyze(&own, observer, summary);
}
