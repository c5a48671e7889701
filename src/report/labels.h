// Labels of points that keep out of each other's way.
#pragma once

#include <stdbool.h>

// In any one unit, upwards and to the right.
typedef struct point_label {
    double x, y;        // its point
    double left, right; // what it covers, sideways
    double height;      // where it stands; at first the point's y
    bool on_left;       // of its point
} point_label;

// Moves labels up until no two that share a column are nearer than `line`. `labels` is put in order of their points.
void labels_spread(point_label **labels, int count, double line);
