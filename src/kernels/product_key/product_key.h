// Product keys (Lample et al. 2019): the score of value i·n + j is a[i] + b[j].
#pragma once

#include "kernels/kernel.h"

// For each row t: the `count` largest of all n² sums a[t,i] + b[t,j] (rounded to `real`), 1 <= count < n. scores and indices
// [rows, count] are in descending order; among equal sums, the lower index i·n + j comes first; NaN is the smallest.
sigmoe_status product_key_search(
    const kernel_context *context, matrix a, matrix b, int64_t count, real *scores, int32_t *indices);

typedef struct product_key_kernel {
    kernel_identity identity;
    // One row. scratch: product_key_scratch(count) indices.
    void (*row)(const real *a, const real *b, int64_t n, int64_t count, int32_t *scratch, real *scores,
        int32_t *indices);
} product_key_kernel;

// Four arrays of count + 1 elements.
static inline int64_t product_key_scratch(int64_t count) {
    return 4 * (count + 1);
}
