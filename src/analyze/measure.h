// From models and a text to numbers.
#pragma once

#include "analyze/analysis.h"

// Fills a->models from request->models.
sigmoe_status analysis_label(analysis *a);
sigmoe_status analysis_measure(analysis *a, const workspace *w);
