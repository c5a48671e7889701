// The report's figures, drawn from a comparison's data.
#pragma once

#include "report/figure_source.h"

enum report_figure {
    FIGURE_DOTS,    // every row's score with its spread, sorted
    FIGURE_FLOPS,   // score against multiply-adds,
    FIGURE_TIME,    // against measured time,
    FIGURE_MEMORY,  // and against memory
    FIGURE_STEPS,   // validation score against steps,
    FIGURE_SECONDS, // and against time
    FIGURE_LOSS,    // loss of the training batches
    FIGURES,
};

// Draws all. A figure without a finite number, or of something that was not measured, has no SVG.
sigmoe_status figures_draw(const figure_source *s, figure figures[FIGURES]);
