// The K largest elements of a row. All implementations break ties in the same way: the lower index wins. NaN is the smallest.
#pragma once

#include "kernels/kernel.h"

// indices [rows, k] of the k largest elements of each row of scores [rows, n], in descending order; 1 <= k <= n.
sigmoe_status top_k_rows(const kernel_context *context, matrix scores, int64_t k, int32_t *indices);
// The same for one row, single-threaded and without scratch memory, for use inside tasks.
void top_k_row(const real *scores, int64_t n, int64_t k, int32_t *indices);

// The k-th largest value of each row: threshold [rows]. All values equal to it count as at or above it (Top-K FF keeps them).
// -infinity if a row has fewer than k numbers: every number is at or above that.
sigmoe_status kth_largest_rows(const kernel_context *context, matrix scores, int64_t k, real *threshold);

typedef struct top_k_kernel {
    kernel_identity identity;
    void (*row)(const real *scores, int64_t n, int64_t k, int32_t *indices);
    real (*kth_largest)(const real *scores, int64_t n, int64_t k, real *scratch); // scratch [n]
} top_k_kernel;
