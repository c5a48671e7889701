// Text to a directory of token shards: what sigmoe_prepare does.
#pragma once

#include "base/status.h"

sigmoe_status prepare_data(const sigmoe_prepare_request *request, const sigmoe_observer *observer);
