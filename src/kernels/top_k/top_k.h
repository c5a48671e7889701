// The K largest of a row. One tie rule in every implementation: the lower index wins. NaN counts as the smallest.
#pragma once

#include "kernels/kernel.h"

// indices [rows, k]: of the k largest of each row of scores [rows, n], from the largest down; 1 <= k <= n.
sigmoe_status top_k_rows(const kernel_context *context, matrix scores, int64_t k, int32_t *indices);
// The same for one row, single-threaded and without scratch memory, for use inside tasks.
void top_k_row(const real *scores, int64_t n, int64_t k, int32_t *indices);

// The k-th largest value of each row: threshold [rows]. Values equal to it are all at or above it (Top-K FF keeps them).
// Where fewer than k numbers are in the row, -infinity: every number is at or above that.
sigmoe_status kth_largest_rows(const kernel_context *context, matrix scores, int64_t k, real *threshold);

typedef struct top_k_kernel {
    kernel_identity identity;
    void (*row)(const real *scores, int64_t n, int64_t k, int32_t *indices);
    real (*kth_largest)(const real *scores, int64_t n, int64_t k, real *scratch); // scratch [n]
} top_k_kernel;
