// What a processor's kernels for sparse_gemm.h are made of.
#pragma once

#include "kernels/kernel.h"

// The work is done in bins, of BIN_ROWS rows of op(a) and BIN_TERMS of its columns, with a strip of columns of op(b): the bin's
// part of the strip stays in the nearest cache, where each row of it is used several times, and the sums of one row in registers.
enum { BIN_ROWS = 64, BIN_TERMS = 128, BIN_SLACK = 16, MOST_STRIP = REAL_IS_FLOAT ? 64 : 16 };

typedef struct sparse_gemm_kernel {
    kernel_identity identity;
    int64_t strip; // columns, at most MOST_STRIP
    // How many elements of m [at most 2^24] are not 0.
    int64_t (*count)(matrix m);
    // The indices and values of those of n <= BIN_TERMS elements that are not 0, in order; how many. Up to BIN_SLACK more of
    // each are overwritten.
    int64_t (*find)(const void *elements, dtype type, int64_t n, uint8_t *index, real *value);
    // out[j * stride + i] = element (i, j) of m
    void (*turn)(matrix m, real *out, int64_t stride);
    // Stores a row [strip] for add_bf16, which chooses the order.
    void (*store_bf16)(const real *row, bf16 *out);
    // sums [rows, strip] += Σ_i value[i] · part[term[i]] over count[r] terms of each row r, one row's after the other's.
    void (*add)(const real *part, int64_t rows, const uint8_t *count, const uint8_t *term, const real *value,
        real *sums);
    void (*add_bf16)(const bf16 *part, int64_t rows, const uint8_t *count, const uint8_t *term,
        const real *value, real *sums);
} sparse_gemm_kernel;
