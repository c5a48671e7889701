#include "report/pareto.h"

#include <math.h>

// Whether `a` is at least as good in both, and better in one.
static bool beats(const cost_point *a, const cost_point *b) {
    return a->cost <= b->cost && a->score <= b->score && (a->cost < b->cost || a->score < b->score);
}

static bool is_beaten(const cost_point *points, int count, int index) {
    for (int i = 0; i < count; i++)
        if (beats(&points[i], &points[index])) return true;
    return false;
}

sigmoe_status pareto_front(arena *a, cost_point *points, int count, int **order, int *on_front) {
    int *found, used = 0;
    TRY(ARENA_NEW(a, found, count));
    for (int i = 0; i < count; i++) {
        points[i].on_front =
            isfinite(points[i].cost) && isfinite(points[i].score) && !is_beaten(points, count, i);
        if (!points[i].on_front) continue;
        int at = used++;
        for (; at > 0 && points[found[at - 1]].cost > points[i].cost; at--) found[at] = found[at - 1];
        found[at] = i;
    }
    *order = found;
    *on_front = used;
    return SIGMOE_OK;
}
