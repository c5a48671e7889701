// The report's figures, drawn from a comparison's data.
#pragma once

#include "plot/figure.h"
#include "report/table.h"

enum { FIGURES = 4 };

// All texts live in the comparison's arena.
sigmoe_status figures_draw(
    const comparison_result *c, const variant_summary *summaries, figure figures[FIGURES]);
