// The report's figures, drawn from a comparison's data.
#pragma once

#include "train/compare_table.h"
#include "train/figure.h"

enum { FIGURES = 4 };

// All texts live in the comparison's arena.
sigmoe_status figures_draw(const comparison *c, const table_row *rows, figure figures[FIGURES]);
