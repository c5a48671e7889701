// Charts of characters, for terminals: lines of braille dots, two by four in each character.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct text_series {
    const char *name; // beside its end; NULL: none
    bool strong;      // drawn over the others, in bright colours; else pale where there are colours
    int color;        // of series that belong together
    int64_t count;
    const double *x, *y; // [count] x ascending; a y that is not finite is left out
} text_series;

typedef struct text_chart {
    int columns, lines; // of all of it
    double x_low, x_high, y_low, y_high;
    const char *x_unit; // behind the last number of the axis
    bool color;         // escape sequences for colours may be used
    const text_series *series;
    int count;
} text_chart;

enum { TEXT_CHART_LEAST_COLUMNS = 24, TEXT_CHART_LEAST_LINES = 5 };
// The y range that shows most of the strong series' points, and of all if none is strong; the beginning, where losses fall from far
// above, is cut off if it would squash the rest. False if there is no point.
bool text_chart_fit(text_chart *c);
// Each line begins with `indent` spaces and ends with a newline. Too small a chart is drawn as the least one.
void text_chart_print(FILE *out, const text_chart *c, int indent);
// Begins and ends the colour of a series, if `color`.
void text_color_begin(FILE *out, bool color, int series, bool strong);
void text_color_end(FILE *out, bool color);
