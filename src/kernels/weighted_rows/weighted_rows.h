// Sums of rows of a table, chosen and weighted for each token: y[t] = Σ_s weight[t, s] · rows[index[t, s]], in the order of the
// slots s. The values that a product-key memory found are summed by it.
//
// A slot with weight 0 is left out, even if its row holds NaN or infinities. Rows may be TYPE_BF16, or for sums alone, TYPE_I8;
// all else is TYPE_REAL.
#pragma once

#include "kernels/kernel.h"

typedef struct weighted_rows_call {
    matrix rows;          // [N, d]
    int64_t slots;        // S
    const int32_t *index; // [T, S], each in [0, N)
    const real *weight;   // [T, S]
} weighted_rows_call;

// y [T, d], overwritten.
void weighted_rows_sum(const kernel_context *context, const weighted_rows_call *call, matrix y);
// dweight[t, s] = dy[t] · rows[index[t, s]], of every slot, whatever its weight.
void weighted_rows_weight_gradient(
    const kernel_context *context, const weighted_rows_call *call, matrix dy, real *dweight);

// The pairs t * S + s that chose each row: row i's are pair[offset[i]] ... pair[offset[i + 1] - 1].
typedef struct row_pairs {
    const int64_t *offset; // [N + 1]
    const int32_t *pair;
} row_pairs;
// drows[i] [N, d] += Σ weight · dy over row i's pairs, in their order.
void weighted_rows_gradient(const kernel_context *context, const weighted_rows_call *call,
    const row_pairs *pairs, matrix dy, matrix drows);

typedef struct weighted_rows_kernel {
    kernel_identity identity;
    // y [d] += Σ_i weight[i] · rows[i] in the order of i; rows: pointers to rows of d elements of the list's type.
    void (*add)(real *y, int64_t d, const void *const *rows, const real *weight, int64_t count);
    // result[i] = x · rows[i]; NULL: rows of this type are only summed.
    void (*dot)(real *result, const real *x, int64_t d, const void *const *rows, int64_t count);
} weighted_rows_kernel;
