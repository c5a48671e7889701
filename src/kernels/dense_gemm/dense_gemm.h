// Dense matrix products.
#pragma once

#include "kernels/kernel.h"

// c [m, n] = op(a) [m, k] · op(b) [k, n]  (+ c when accumulate; else + bias, then max(·, 0) when relu). Rows may be strided; c
// must not overlap a or b. a and b are both TYPE_REAL (c too) or both TYPE_BF16: sums are f32, c is TYPE_REAL or, rounded
// once at the end and not with accumulate, TYPE_BF16.
// Split into fixed tiles over the pool: equal bits at any thread count. m, n or k may be 0 (k = 0: the sum is zero).
// Tolerance against the reference: k * epsilon relative to |a|·|b|, and the rounding of a bf16 c. Of bf16, operands and sums
// below 2^-126 may count as zero: the processor's instructions know no subnormal numbers.
typedef struct gemm_call {
    bool transpose_a, transpose_b;
    bool accumulate;
    bool relu;        // not with accumulate
    const real *bias; // [n] or NULL; not with accumulate
    matrix a, b, c;
} gemm_call;
sigmoe_status dense_gemm(const kernel_context *context, const gemm_call *call);
// Of scratch memory that it takes on one thread; only the matrices' shapes and types are looked at.
double dense_gemm_scratch_bytes(const gemm_call *call);
