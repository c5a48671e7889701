// Chapter 4: data.
#include "prepare/prepare.h"

sigmoe_status sigmoe_prepare(const sigmoe_prepare_request *request, const sigmoe_observer *observer) {
    return prepare_data(request, observer);
}
