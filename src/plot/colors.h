// Colours, dashes and markers of the figures, and colours of the pages around them.
#pragma once

// Colours by role: the name in gnuplot scripts and the custom property in the page. gnuplot uses the light value.
typedef struct figure_color {
    const char *property; // "--series-0"
    unsigned light, dark; // 0xrrggbb
} figure_color;
enum { COLOR_INK, COLOR_AXIS, COLOR_GRID, COLOR_PAPER, COLOR_BASELINE, COLOR_SERIES, SERIES_COLORS = 8 };
enum { FIGURE_COLORS = COLOR_SERIES + SERIES_COLORS };
extern const figure_color figure_colors[FIGURE_COLORS];

// Style of line `index`: colour, and gnuplot's dash and point types.
unsigned series_color(int index);
int series_dash(int index);
int series_marker(int index);
