#include "kernels/top_k/rank.h"
#include "kernels/top_k/top_k.h"

// A heap of the k best so far, with the worst of them on top.
static void row(const real *scores, int64_t n, int64_t k, int32_t *indices) {
    for (int64_t i = 0; i < k; i++) indices[i] = (int32_t)i;
    make_heap(scores, indices, k);
    for (int64_t i = k; i < n; i++) {
        if (!ranks_before(scores, (int32_t)i, indices[0])) continue;
        indices[0] = (int32_t)i;
        sift_down(scores, indices, k, 0);
    }
    sort_heap(scores, indices, k);
}

static void swap(real *a, real *b) {
    real held = *a;
    *a = *b;
    *b = held;
}

// Quickselect: [low, high) always holds the k-th largest; each round partitions it by a pivot: larger, equal, smaller.
static real kth_largest(const real *scores, int64_t n, int64_t k, real *scratch) {
    for (int64_t i = 0; i < n; i++) scratch[i] = scores[i] == scores[i] ? scores[i] + 0 : -INFINITY;
    int64_t low = 0, high = n, target = k - 1;
    for (;;) {
        real pivot = scratch[low + (high - low) / 2];
        int64_t larger = low, next = low, smaller = high;
        while (next < smaller) {
            if (scratch[next] > pivot)
                swap(&scratch[next++], &scratch[larger++]);
            else if (scratch[next] < pivot)
                swap(&scratch[next], &scratch[--smaller]);
            else
                next++;
        }
        if (target < larger)
            high = larger;
        else if (target >= smaller)
            low = smaller;
        else
            return pivot;
    }
}

extern const top_k_kernel top_k_ref;
const top_k_kernel top_k_ref = {{"ref", CPU_SCALAR}, row, kth_largest};
