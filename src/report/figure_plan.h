// Content of one figure of the report: data, axes and texts.
#pragma once

#include "compare/summary.h"
#include "plot/figure.h"

typedef struct figure_plot figure_plot;
struct figure_plot {
    figure_frame frame;
    // Prints data blocks and the plot command with its labels. NULL: nothing to draw.
    void (*print_data)(FILE *out, const comparison_result *c, const variant_summary *summaries);
    void (*print_plot)(
        FILE *out, const comparison_result *c, const variant_summary *summaries, const figure_plot *p);
};

// Fills in name, title and caption of *f (texts in the comparison's arena) and *plot.
typedef sigmoe_status plan_figure(
    const comparison_result *c, const variant_summary *summaries, figure *f, figure_plot *plot);

// Counts the key's entries: all variants, and the n-gram.
void plan_key(const comparison_result *c, bool variants, bool ngram, figure_plot *plot);
