// Charts: series of points with their intervals, drawn as lines with bands, as points with bars, or as a dot plot. Each series
// is named beside its line or point, so that a chart needs no key, and the values go to the page's script.
#pragma once

#include "plot/figure.h"

typedef struct chart_point {
    double x, y;
    double y_low, y_high; // an interval; NaN: none
    double x_low, x_high; // likewise
} chart_point;
static inline chart_point chart_point_at(double x, double y) {
    return (chart_point){x, y, NAN, NAN, NAN, NAN};
}

typedef enum chart_look {
    LOOK_LINE, // with the y intervals as a band
    LOOK_POINTS,
    LOOK_DOTS, // small and pale: single seeds
} chart_look;

typedef struct chart_series {
    const char *name;
    int row; // its style in `rows`
    chart_look look;
    bool labeled;
    bool faint; // where there are many: a thin line without markers, a point without bars
    int count;
    chart_point *points; // [count]
} chart_series;

typedef struct chart {
    const char *x_label, *y_label;
    int width, height;
    double x_low, x_high;
    double y_low, y_high; // chart_fit_y sets them
    int x_decimals;       // -1: as gnuplot likes
    int y_decimals;
    bool log_y;
    int label_letters;       // room for labels to the right of the plot; 0: labels are in the plot
    const char *const *tics; // [tic_count] names of y = 0, 1, ... from the top: a dot plot
    int tic_count;
    const row_style *rows; // [row_count]
    int row_count;
    chart_series *series; // [count]
    int count;
    const chart_point *front; // [front_count] corners of a line below which no point lies
    int front_count;
    const char *
        baseline_name; // a line at this y (in a dot plot: this x), or a mark at the edge where it is out of range
    double baseline; // NaN: none
} chart;

// Room for everything around the plot of a chart of the usual kind.
enum { CHART_WIDTH = 560, CHART_HEIGHT = 350 };

// The letters that the longest of the names needs beside the plot.
int chart_label_letters(const char *const *names, int count);
// Sets the y range to that of the data with a margin. The baseline is inside if it does not squash the data much.
void chart_fit_y(chart *c, value_range data);
// Draws it as the figure, with its values. Without figures to draw, `f` keeps no SVG, but has the values.
sigmoe_status chart_draw(arena *a, const char *directory, const chart *c, figure *f);

// The series' values as JSON for plot/page.js; the area and the axes go with them.
sigmoe_status chart_values(arena *a, const chart *c, const figure_area *area, const char **out);
