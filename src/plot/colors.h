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

// The style of something that keeps its colour in every figure of every page: a variant.
typedef struct row_style {
    char property[24];    // "--row-3"
    unsigned light, dark; // differ from those of all other rows and roles
    int dash, marker;     // gnuplot's types
} row_style;
// Fills in the styles of `count` rows from the names of their variants. A name has one colour wherever it appears; several rows
// of one name get shades of it, with dashes and markers of their own. Names that are not known here have a colour, too.
void row_styles_fill(const char *const *names, int count, row_style *out);
// The style of line `index` where lines are not variants: layers, for example.
row_style series_style(int index);

// Heat maps: a ramp of colours from nothing to the most. "--heat-0" ... in the page.
enum { HEAT_COLORS = 32 };
unsigned heat_color(int index, int dark);
