// What the feedforward blocks of trained models do to a text: what sigmoe_analyze does.
#pragma once

#include "base/status.h"

sigmoe_status analyze(const sigmoe_analyze_request *request, const sigmoe_observer *observer, char **summary);
