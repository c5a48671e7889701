// The figures of what a model did while it was being trained.
#pragma once

#include "analyze/analysis.h"

// For a model whose training has records of at least two steps.
sigmoe_status analysis_draw_active_in_training(analysis *a, const analyzed_model *m, const char *section);
sigmoe_status analysis_draw_experts_in_training(analysis *a, const analyzed_model *m, const char *section);
