// The best pairs of two sorted halves lie under a staircase: if p and q are the ranks of i and j in their halves, at least
// (p + 1)(q + 1) sums are no less than theirs. Pairs are taken in descending order; row p of the staircase has the pairs of
// rank p in a, and a heap holds each row's first pair that is not taken yet.
//
// a[i] + b[j] is rounded, so equal sums are ordered by index, not by the ranks in a half. Rounding preserves order, so the
// values found are exact nevertheless; only the choice among pairs equal to the smallest must be made by index.
#include "kernels/product_key/product_key.h"
#include "kernels/top_k/top_k.h"

#include <stdbool.h>

typedef struct staircase {
    const real *a, *b;
    const int32_t *best_a, *best_b; // [limit]: indices of the best of each half
    int64_t limit;                  // count + 1: must show whether a further pair equals the last one taken
    int32_t *heap;                  // of rows, with the largest next sum on top
    int32_t *taken;                 // [limit]: number of pairs taken from each row
    int64_t rows;                   // in the heap
    int64_t entered;                // number of rows that were ever in it
} staircase;

static real next_sum(const staircase *s, int32_t row) {
    return s->a[s->best_a[row]] + s->b[s->best_b[s->taken[row]]];
}

static void enter_row(staircase *s) {
    int32_t row = (int32_t)s->entered++;
    s->taken[row] = 0;
    int64_t place = s->rows++;
    for (; place > 0 && next_sum(s, s->heap[(place - 1) / 2]) < next_sum(s, row); place = (place - 1) / 2)
        s->heap[place] = s->heap[(place - 1) / 2];
    s->heap[place] = row;
}

static void sift_top(staircase *s) {
    int32_t moving = s->heap[0];
    real sum = next_sum(s, moving);
    int64_t hole = 0;
    for (int64_t child = 1; child < s->rows; child = 2 * hole + 1) {
        if (child + 1 < s->rows && next_sum(s, s->heap[child + 1]) > next_sum(s, s->heap[child])) child++;
        if (next_sum(s, s->heap[child]) <= sum) break;
        s->heap[hole] = s->heap[child];
        hole = child;
    }
    s->heap[hole] = moving;
}

// Removes the top pair: its row advances to its next pair, and taking a row's first pair adds the next row.
static void advance_top(staircase *s) {
    int32_t row = s->heap[0];
    bool first = s->taken[row] == 0;
    if (++s->taken[row] == s->limit) s->heap[0] = s->heap[--s->rows];
    if (s->rows > 0) sift_top(s);
    if (first && s->entered < s->limit) enter_row(s);
}

// Equal sums are taken in no particular order: an insertion sort orders them by index.
static void order_equal_sums(const real *scores, int32_t *indices, int64_t count) {
    for (int64_t r = 1; r < count; r++) {
        int32_t index = indices[r];
        int64_t place = r;
        for (; place > 0 && scores[place - 1] == scores[r] && indices[place - 1] > index; place--)
            indices[place] = indices[place - 1];
        indices[place] = index;
    }
}

// If more pairs equal the smallest score than there is room for, those with the lowest indices are kept.
static void choose_among_equals(
    const real *a, const real *b, int64_t n, int64_t count, const real *scores, int32_t *indices) {
    real smallest = scores[count - 1];
    int64_t found = count;
    while (found > 0 && scores[found - 1] == smallest) found--;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            if (a[i] + b[j] != smallest) continue;
            indices[found++] = (int32_t)(i * n + j);
            if (found == count) return;
        }
}

extern const product_key_kernel product_key_ref, product_key_staircase;

static void row(const real *a, const real *b, int64_t n, int64_t count, int32_t *scratch, real *scores,
    int32_t *indices) {
    // infinity - infinity breaks the order of sums.
    if (!all_finite(a, n) || !all_finite(b, n)) {
        product_key_ref.row(a, b, n, count, scratch, scores, indices);
        return;
    }
    int64_t limit = count + 1;
    int32_t *best_a = scratch, *best_b = scratch + limit;
    top_k_row(a, n, limit, best_a);
    top_k_row(b, n, limit, best_b);
    staircase s = {.a = a,
        .b = b,
        .best_a = best_a,
        .best_b = best_b,
        .limit = limit,
        .heap = scratch + 2 * limit,
        .taken = scratch + 3 * limit};
    enter_row(&s);
    for (int64_t r = 0; r < count; r++) {
        int32_t top = s.heap[0];
        scores[r] = next_sum(&s, top);
        indices[r] = best_a[top] * (int32_t)n + best_b[s.taken[top]];
        advance_top(&s);
    }
    order_equal_sums(scores, indices, count);
    if (next_sum(&s, s.heap[0]) == scores[count - 1]) choose_among_equals(a, b, n, count, scores, indices);
}

const product_key_kernel product_key_staircase = {{"staircase", CPU_SCALAR}, row};
