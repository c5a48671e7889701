// Adapts gnuplot's SVG for embedding in a page.
#pragma once

#include "base/arena.h"

// The <svg> element of `text` alone, scalable, described by `title`. Its ids begin with `name`, so that figures on one page do
// not share ids; the colours in figure_colors become the page's custom properties. *out lives in the arena.
sigmoe_status svg_for_page(
    arena *a, const char *text, size_t size, const char *name, const char *title, const char **out);
