// The figures of what models do with a text.
#pragma once

#include "analyze/analysis.h"

// Draws into a->directory, if figures are wanted, with a CSV file for each figure, and fills a->drawings.
sigmoe_status analysis_draw(analysis *a);
