// Measures models on a text.
#pragma once

#include "analyze/analysis.h"

// Sets up a->models from request->models.
sigmoe_status analysis_label(analysis *a);
sigmoe_status analysis_measure(analysis *a, const workspace *w);
