// The report's figures: data of a comparison -> gnuplot script -> NAME.svg and NAME.png beside the page, and the SVG again
// in a form that a page takes in.
#pragma once

#include "train/compare_table.h"

enum { FIGURES = 4 };

typedef struct figure {
    const char *name;    // of the files: "curves"
    const char *title;   // one line above it
    const char *caption; // what is to be seen, a sentence or two
    const char *svg; // an <svg> element that takes its colours from the page; NULL: nothing could be drawn
} figure;

// All texts live in the comparison's arena.
sigmoe_status figures_draw(const comparison *c, const table_row *rows, figure figures[FIGURES]);

// Colours by role: how gnuplot's script names one, and the page's custom property for it. The light value is gnuplot's.
typedef struct figure_color {
    const char *property; // "--series-0"
    unsigned light, dark; // 0xrrggbb
} figure_color;
enum { COLOR_INK, COLOR_AXIS, COLOR_GRID, COLOR_PAPER, COLOR_BASELINE, COLOR_SERIES, SERIES_COLORS = 8 };
enum { FIGURE_COLORS = COLOR_SERIES + SERIES_COLORS };
extern const figure_color figure_colors[FIGURE_COLORS];
