// The order in which the elements of a row are selected, and sorting by it.
#pragma once

#include "base/real.h"

#include <stdbool.h>

// Whether element i comes before element j: by value in descending order, NaN last, then by index.
static inline bool ranks_before(const real *scores, int32_t i, int32_t j) {
    real a = scores[i], b = scores[j];
    if (a > b) return true;
    if (b > a) return false;
    bool a_missing = a != a, b_missing = b != b;
    return a_missing == b_missing ? i < j : b_missing;
}

// Restores a heap with the last-ranked element on top, after heap[0] was replaced.
static inline void sift_down(const real *scores, int32_t *heap, int64_t count, int64_t hole) {
    int32_t moving = heap[hole];
    for (int64_t child = 2 * hole + 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count && ranks_before(scores, heap[child], heap[child + 1])) child++;
        if (!ranks_before(scores, moving, heap[child])) break;
        heap[hole] = heap[child];
        hole = child;
    }
    heap[hole] = moving;
}

static inline void make_heap(const real *scores, int32_t *heap, int64_t count) {
    for (int64_t i = count / 2; i-- > 0;) sift_down(scores, heap, count, i);
}

// Sorts a heap into rank order.
static inline void sort_heap(const real *scores, int32_t *heap, int64_t count) {
    for (int64_t last = count - 1; last > 0; last--) {
        int32_t worst = heap[0];
        heap[0] = heap[last];
        heap[last] = worst;
        sift_down(scores, heap, last, 0);
    }
}
