// Figures: data and axes -> gnuplot script -> NAME.svg and NAME.png in a directory, and the SVG again in a form that a page
// takes in.
#pragma once

#include "base/arena.h"
#include "plot/colors.h"

#include <math.h>
#include <stdio.h>

typedef struct figure {
    const char *name;    // of the files: "curves"
    const char *title;   // one line above it
    const char *caption; // what is to be seen, a sentence or two
    const char *svg; // an <svg> element that takes its colours from the page; NULL: nothing could be drawn
} figure;

enum { FIGURE_MANY = 12 }; // so many lines or points have room in a common figure

// What stands around a plot.
typedef struct figure_frame {
    const char *x_label, *y_label;
    double x_low, x_high, y_low, y_high;
    int y_decimals;
    int key_entries; // 0: no key; more than FIGURE_MANY make the figure wide
    int longest_key; // letters of its longest entry
} figure_frame;

typedef void figure_print(FILE *out, const void *context);

// Writes, runs and removes the script NAME.gnuplot in `directory`. print_data prints data blocks; print_plot the plot command,
// and before it what differs from the frame. f->svg is set, in the arena.
sigmoe_status figure_draw(arena *a, const char *directory, const figure_frame *frame,
    figure_print *print_data, figure_print *print_plot, const void *context, figure *f);

// Counts an entry of the key, for its height and columns.
void figure_key(figure_frame *frame, const char *entry);

// Letters of a UTF-8 text: what it takes in a line of equal widths.
int letter_count(const char *text);

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
void range_to_y(value_range r, figure_frame *frame);
