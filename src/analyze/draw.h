// The figures of what models do to a text.
#pragma once

#include "analyze/analysis.h"

// Draws into a->directory, where figures are wanted, with a CSV beside each figure, and fills a->drawings.
sigmoe_status analysis_draw(analysis *a);
