// The Pareto front of scores against costs: the points that no other point beats in one without losing in the other.
#pragma once

#include "base/arena.h"

typedef struct cost_point {
    double cost, score; // lower is better; points with NaN are on no front
    bool on_front;
} cost_point;

// Sets on_front of each of the points, and *order [*count] to the indices of those on the front, by rising cost.
sigmoe_status pareto_front(arena *a, cost_point *points, int count, int **order, int *on_front);
