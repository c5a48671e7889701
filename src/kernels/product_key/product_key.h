// Product keys (Lample et al. 2019): the score of value i·n + j is a[i] + b[j].
#pragma once

#include "kernels/kernel.h"

// For each row t: the `count` largest of all n² sums a[t,i] + b[t,j], found exactly by taking the top `count` of each half
// first (count < n). scores, indices [rows, count], from the largest down; ties: lower index i·n + j.
sigmoe_status product_key_search(const kernel_context *context, matrix a, matrix b, int64_t count,
    real *scores, int32_t *indices);

typedef struct product_key_kernel {
    kernel_identity identity;
    // One row. scratch_* hold `count` indices of each half.
    void (*row)(const real *a, const real *b, int64_t n, int64_t count, int32_t *scratch_a, int32_t *scratch_b,
        real *scores, int32_t *indices);
} product_key_kernel;
