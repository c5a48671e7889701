// Analyses what the feedforward blocks of trained models do with a text: the implementation of sigmoe_analyze.
#pragma once

#include "base/status.h"

sigmoe_status analyze(const sigmoe_analyze_request *request, const sigmoe_observer *observer, char **summary);
