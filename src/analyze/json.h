// The summary of an analysis for programs.
#pragma once

#include "analyze/analysis.h"

// {"models": [{"model": ..., "layers": [...]}]}, with the names of layers.csv; freed by the caller.
sigmoe_status analysis_json(const analysis *a, char **out);
