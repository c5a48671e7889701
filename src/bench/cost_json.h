// The costs of a layer for programs.
#pragma once

#include "base/status.h"
#include "bench/cost_measurement.h"

// What FIGURE.csv in `directory` has, as JSON; freed by the caller.
sigmoe_status cost_json(const cost_measurement *m, const char *directory, char **out);
