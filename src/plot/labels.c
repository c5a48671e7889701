#include "plot/labels.h"

#include <math.h>
#include <stdlib.h>

static bool overlap(const point_label *a, const point_label *b, double line) {
    const double rounded = 0.999 * line; // a label exactly one line above another is clear of it
    return a->left < b->right && b->left < a->right && fabs(a->height - b->height) < rounded;
}

static int by_height(const void *a, const void *b) {
    double x = (*(point_label *const *)a)->y, y = (*(point_label *const *)b)->y;
    return (x > y) - (x < y);
}

// Starting from the lowest point, each label rises until it covers none of those below it; labels never sink, so this ends.
void labels_spread(point_label **labels, int count, double line) {
    qsort(labels, (size_t)count, sizeof *labels, by_height);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (overlap(labels[i], labels[j], line)) {
                labels[i]->height = labels[j]->height + line;
                j = -1; // check all labels again
            }
}
