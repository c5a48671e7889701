// Turns text into a directory of token shards: the implementation of sigmoe_prepare.
#pragma once

#include "base/status.h"

sigmoe_status prepare_data(const sigmoe_prepare_request *request, const sigmoe_observer *observer);
