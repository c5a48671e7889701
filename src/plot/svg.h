// Adapts gnuplot's SVG: as a file, and for embedding in a page.
#pragma once

#include "base/arena.h"
#include "plot/colors.h"

// What gnuplot's SVG is made into.
typedef struct svg_request {
    const char *name, *title; // of the figure
    const row_style
        *rows; // [row_count] whose colours occur in it, besides those of figure_colors and of heat maps
    int row_count;
} svg_request;

// The file: `text` with the figure's title in the place of gnuplot's, and none on its parts. *out lives in the arena.
sigmoe_status svg_for_file(arena *a, const char *text, size_t size, const svg_request *r, const char **out);
// The <svg> element of `text` alone, scalable, described by the title. Its ids begin with the name, so that figures on one page
// do not share ids; known colours become the page's custom properties. *out lives in the arena.
sigmoe_status svg_for_page(arena *a, const char *text, size_t size, const svg_request *r, const char **out);
