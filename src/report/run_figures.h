// The figures of one run's page.
#pragma once

#include "report/figure_source.h"

enum run_figure { RUN_SCORES, RUN_RATE, RUN_GRADIENT, RUN_SPEED, RUN_EXPERTS, RUN_ACTIVE, RUN_FIGURES };

// Draws in the run's directory, which keeps no files of them. Figures of what was not logged have no SVG.
sigmoe_status run_figures_draw(
    const figure_source *s, planned_run run, const char *directory, figure figures[RUN_FIGURES]);
