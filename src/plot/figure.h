// Figures: data and axes -> gnuplot script -> NAME.svg and NAME.png in a directory, and the SVG again in a form that can be
// embedded in a page.
#pragma once

#include "base/arena.h"
#include "plot/colors.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct figure {
    const char *name;    // of the files: "curves"
    const char *title;   // one line above it
    const char *caption; // what the figure shows, in a sentence or two
    const char *svg;    // an <svg> element that takes its colours from the page; NULL: nothing could be drawn
    const char *values; // JSON of what it shows, for the page's script (plot/page.js); NULL: none
    bool page_only;     // makes no files
} figure;

enum { FIGURE_MANY = 12 }; // a normal figure has room for this many lines or points

// Where the plot is, in the figure's units from its upper left corner.
typedef struct figure_area {
    double left, right, top, bottom;
} figure_area;

// Everything around a plot.
typedef struct figure_frame {
    const char *x_label, *y_label;
    double x_low, x_high, y_low, y_high;
    int y_decimals;
    int key_entries; // 0: no key; more than FIGURE_MANY make the figure wide
    int longest_key; // letters of its longest entry
    // 0: as large as its key needs, with margins of gnuplot's choice.
    int width, height;
    figure_area area;
    const row_style *rows; // [row_count] of the colours that the plot uses, besides those of figure_colors
    int row_count;
} figure_frame;

typedef void figure_print(FILE *out, const void *context);

// Draws in `directory`. print_data prints data blocks; print_plot prints the plot
// command, preceded by any changes to the frame. Sets f->svg, in the arena.
sigmoe_status figure_draw(arena *a, const char *directory, const figure_frame *frame,
    figure_print *print_data, figure_print *print_plot, const void *context, figure *f);

// Counts an entry of the key, which determines the key's height and columns.
void figure_key(figure_frame *frame, const char *entry);

// The number of characters in a UTF-8 text: its width in a monospaced font.
int letter_count(const char *text);

// The range of the values, with a margin; what is not finite is ignored. Starts empty.
typedef struct value_range {
    double low, high;
} value_range;
static inline value_range range_empty(void) {
    return (value_range){INFINITY, -INFINITY};
}
static inline void range_add(value_range *r, double value) {
    if (!isfinite(value)) return;
    r->low = fmin(r->low, value);
    r->high = fmax(r->high, value);
}
static inline bool range_is_empty(const value_range *r) {
    return r->low > r->high;
}
// Sets the range and decimals of the y axis.
void range_to_y(value_range r, figure_frame *frame);
