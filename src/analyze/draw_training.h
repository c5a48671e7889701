// The figures of what a model did while it was trained.
#pragma once

#include "analyze/analysis.h"

// Of a model whose training was recorded at two steps or more.
sigmoe_status analysis_draw_active_in_training(analysis *a, const analyzed_model *m, const char *section);
sigmoe_status analysis_draw_experts_in_training(analysis *a, const analyzed_model *m, const char *section);
