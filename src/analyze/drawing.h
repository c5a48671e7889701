// What all figures of an analysis share; each has its numbers in a CSV file beside it.
#pragma once

#include "analyze/analysis.h"

// The data that a figure is drawn from.
typedef struct subject {
    const analysis *a;
    const analyzed_model *m; // for figures of one model
    int64_t layer;           // for figures of one layer
    int64_t columns;         // for heat maps
    double highest;          // for heat maps
    bool equal_experts;      // all models have `columns` experts
    double *const
        *share; // [models]: shares of the layer in descending order; NULL without experts or without layer
} subject;

// A figure to be drawn.
typedef struct plan {
    const char *section;
    figure f;
    figure_frame frame;
    figure_print *print_data, *print_plot;
    file_contents *print_csv;
} plan;

sigmoe_status analysis_add_figure(analysis *a, const subject *s, plan *p);

// Prints "plot" before the first line of a plot and a comma before the others.
void plot_separator(FILE *out, bool *first);
// Prints the palette and scale of a heat map of values up to `highest`; `label` says what they are.
void plot_map_style(FILE *out, double highest, const char *label);
// Cells between two tics of an axis with this many cells: gives a handful of tics, all on whole cells.
int64_t map_tic_step(int64_t cells);
figure_frame map_frame(const char *x_label, const char *y_label, int64_t columns, int64_t rows);
