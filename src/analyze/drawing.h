// The figures of an analysis, each with its numbers in a CSV beside it: what all of them share.
#pragma once

#include "analyze/analysis.h"

// What a figure is drawn from.
typedef struct subject {
    const analysis *a;
    const analyzed_model *m; // of figures of one model
    int64_t layer;           // of figures of one layer
    int64_t columns;         // of a heat map
    double highest;          // of a heat map
    bool equal_experts;      // all models have `columns` experts
    double *const
        *share; // [models]: shares of the layer in descending order; NULL without experts or without layer
} subject;

// A figure to be added.
typedef struct plan {
    const char *section;
    figure f;
    figure_frame frame;
    figure_print *print_data, *print_plot;
    file_contents *print_csv;
} plan;

sigmoe_status analysis_add_figure(analysis *a, const subject *s, plan *p);

// "plot" before the first line of a plot, a comma before the others.
void plot_separator(FILE *out, bool *first);
// Palette and scale of a heat map of values up to `highest`; `label` says what they are.
void plot_map_style(FILE *out, double highest, const char *label);
// From one tic to the next, so that an axis of so many cells has a handful: all on whole cells.
int64_t map_tic_step(int64_t cells);
figure_frame map_frame(const char *x_label, const char *y_label, int64_t columns, int64_t rows);
