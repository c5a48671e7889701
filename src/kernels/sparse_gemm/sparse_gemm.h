// Matrix products of which the left operand is mostly 0, as Top-K leaves the channels: only its other elements are multiplied.
#pragma once

#include "kernels/kernel.h"

// c [m, n] = op(a) [m, k] · op(b) [k, n]  (+ c if accumulate; otherwise + bias). If transpose_c, c is the transpose, [n, m], and
// has no bias. Rows may be strided; c must not overlap a or b. a and b are both TYPE_REAL or both TYPE_BF16, c is TYPE_REAL.
// An element of a that is 0 is left out, even where b has a NaN or infinity.
// Each sum is in the order of k: the same bits at any thread count. Tolerance against the reference: as dense_gemm's.
typedef struct sparse_gemm_call {
    bool transpose_a, transpose_b, transpose_c;
    bool accumulate;
    const real *bias; // [n] or NULL
    matrix a, b, c;
} sparse_gemm_call;

sigmoe_status sparse_gemm(const kernel_context *context, const sparse_gemm_call *call);
