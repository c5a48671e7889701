// Labels of points that do not overlap.
#pragma once

#include <stdbool.h>

// In any one unit; upward and to the right.
typedef struct point_label {
    double x, y;        // its point
    double left, right; // horizontal extent of the label
    double height;      // vertical position; initially the point's y
    bool on_left;       // left of its point
} point_label;

// Moves labels up until any two that overlap horizontally are at least `line` apart. Sorts `labels` by their points.
void labels_spread(point_label **labels, int count, double line);
