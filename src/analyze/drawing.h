// What all figures of an analysis share; each has its numbers in a CSV file beside it.
#pragma once

#include "analyze/analysis.h"
#include "plot/chart.h"
#include "plot/heat_map.h"

// What a CSV file is printed from.
typedef struct subject {
    const analysis *a;
    const analyzed_model *m; // for figures of one model
    int64_t layer;           // for figures of one layer
    int64_t columns;         // for heat maps
    double *const
        *share; // [models]: shares of the layer in descending order; NULL without experts or without layer
} subject;

// A figure to be drawn: a chart or a heat map.
typedef struct plan {
    const char *section;
    figure f;
    chart chart;
    heat_map map; // if it has cells
    file_contents *print_csv;
} plan;

sigmoe_status analysis_add_figure(analysis *a, const subject *s, plan *p);
// A chart with the models' colours.
chart analysis_chart(const analysis *a);
