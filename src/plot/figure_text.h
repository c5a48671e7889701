// Texts in a figure's gnuplot script.
#pragma once

#include "plot/figure.h"

enum {
    LONGEST_LABEL = 26,
    LONGEST_TIC = 30,
    LONGEST_NAME = 60
}; // letters of a point's, a line's, an axis's name

// Prints text in gnuplot's quotes: at most `most` letters, with its middle left out if it is longer.
void figure_quoted(FILE *out, const char *text, int most);
// Prints a label at (x, y), in the figure's units from its upper left corner. `side`: "left", "right" or "center".
void figure_text(FILE *out, const figure_frame *frame, const char *text, double x, double y, const char *side,
    int most, unsigned color);
// Names of the axes: x below the plot, y above it, where it reads without turning the head.
void figure_axis_names(FILE *out, const figure_frame *frame, const char *x, const char *y);
