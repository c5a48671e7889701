// Chapter 6: data.
#include "api/request.h"
#include "data/dataset.h"
#ifdef SIGMOE_PREPARE
#include "prepare/prepare.h"
#include "prepare/summary.h"
#else
static sigmoe_status no_preparation(void) {
    return fail(SIGMOE_BAD_ARGUMENT, "this build of the library cannot prepare data (SIGMOE_PREPARE is OFF, "
                                     "as in the Python package): prepare them with "
                                     "one that was built from the source");
}

static sigmoe_status prepare_data(const sigmoe_prepare_request *request, const sigmoe_observer *observer) {
    (void)request, (void)observer;
    return no_preparation();
}

static sigmoe_status data_summary(const char *directory, char **summary) {
    (void)directory, (void)summary;
    return no_preparation();
}
#endif

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

sigmoe_status sigmoe_data_verify(const char *directory, const sigmoe_observer *observer) {
    sigmoe_observer space;
    dataset data;
    if (!directory) return fail(SIGMOE_BAD_ARGUMENT, "there is no directory of data to verify");
    TRY(observer_read(observer, &space, &observer));
    TRY(dataset_open(directory, &data));
    return dataset_verify(&data, observer);
}
