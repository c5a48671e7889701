// The elements of op(a) that are not 0, sorted into bins (sparse_kernel.h).
#pragma once

#include "kernels/sparse_gemm/sparse_kernel.h"

typedef struct sparse_bins {
    int64_t rows, terms;  // of op(a)
    const int64_t *start; // [blocks of rows + 1]: a block's first element
    const uint8_t *count; // [blocks of rows, blocks of terms, BIN_ROWS]: elements of a row in a bin
    const uint8_t *term;  // of each element, from its bin's first on
    const real *value;
} sparse_bins;

// In the context's scratch memory. transpose: op(a) is the transpose of a.
sigmoe_status sparse_bins_of(const kernel_context *context, const sparse_gemm_kernel *kernel, matrix a,
    bool transpose, sparse_bins *out);
