// Chapter 5: data.
#include "api/request.h"
#include "prepare/prepare.h"
#include "prepare/summary.h"

void sigmoe_prepare_defaults_sized(sigmoe_prepare_request *request, size_t size) {
    sized_fill(request, size, &(sigmoe_prepare_request){0}, sizeof *request);
}

sigmoe_status sigmoe_prepare(const sigmoe_prepare_request *request, const sigmoe_observer *observer) {
    sigmoe_prepare_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "prepare"));
    TRY(observer_read(observer, &space, &observer));
    return prepare_data(&own, observer);
}

sigmoe_status sigmoe_data_summary(const char *directory, char **summary) {
    if (!directory || !summary)
        return fail(SIGMOE_BAD_ARGUMENT, "a summary needs a directory of data and a place for the text");
    *summary = NULL;
    return data_summary(directory, summary);
}
