// Chapter 4: data.
#include "api/request.h"
#include "prepare/prepare.h"

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
