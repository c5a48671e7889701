// A comparison before, or between, its runs, as text.
#pragma once

#include "compare/result.h"

// The rows with their sizes and costs, what is trained and what is left; where scores can be judged, what they could show and how
// many more seeds would settle the open pairs. Freed by the caller.
sigmoe_status plan_text(const comparison_result *c, char **out);
