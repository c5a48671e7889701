// Chapter 7: analysis.
#include "analyze/analyze.h"

void sigmoe_analyze_defaults(sigmoe_analyze_request *request) {
    *request = (sigmoe_analyze_request){.split = "valid", .batch = 4};
}

sigmoe_status sigmoe_analyze(
    const sigmoe_analyze_request *request, const sigmoe_observer *observer, const char **summary) {
    return analyze(request, observer, summary);
}
