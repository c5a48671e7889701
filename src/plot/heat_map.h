// Heat maps: rows of cells, coloured by their values.
#pragma once

#include "plot/figure.h"

typedef struct heat_map {
    const char *x_label, *y_label;
    const char *label; // what the values are: "tokens served, %"
    int64_t rows, columns;
    const double *cells;     // [rows, columns], from the top
    double highest;          // of the scale, which begins at 0
    const int64_t *x_values; // [columns] ascending and evenly spaced; NULL: 0, 1, ...
    bool square;             // cells are
} heat_map;

// Draws it as the figure, with its values unless they are too many for a page.
sigmoe_status heat_map_draw(arena *a, const char *directory, const heat_map *map, figure *f);
