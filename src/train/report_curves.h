// What each figure shows: its data, axes and words.
#pragma once

#include "train/report_figures.h"

#include <math.h>

#include <stdio.h>

typedef struct figure_plot figure_plot;
struct figure_plot {
    const char *x_label, *y_label;
    double x_low, x_high, y_low, y_high;
    int y_decimals;
    int key_entries; // 0: no key
    int longest_key; // letters of its longest entry
    // Data blocks, and the plot command with its labels. NULL: nothing to draw.
    void (*print_data)(FILE *out, const comparison *c, const table_row *rows);
    void (*print_plot)(FILE *out, const comparison *c, const table_row *rows, const figure_plot *p);
};

// Fills name, title and caption of *f (texts in the comparison's arena) and *plot.
typedef sigmoe_status plan_figure(const comparison *c, const table_row *rows, figure *f, figure_plot *plot);
plan_figure plan_score_by_steps, plan_score_by_seconds, plan_score_by_flops, plan_training_loss;

// Counts the key's entries: all variants, and the n-gram.
void plan_key(const comparison *c, bool variants, bool ngram, figure_plot *plot);

// A frame around values, with some air; NaN is passed over. Starts empty.
typedef struct value_range {
    double low, high;
} value_range;
static inline value_range range_empty(void) {
    return (value_range){INFINITY, -INFINITY};
}
static inline void range_add(value_range *r, double value) {
    r->low = fmin(r->low, value);
    r->high = fmax(r->high, value);
}
static inline bool range_is_empty(const value_range *r) {
    return r->low > r->high;
}
// Frame and decimals of the y axis.
void range_to_y(value_range r, figure_plot *plot);
