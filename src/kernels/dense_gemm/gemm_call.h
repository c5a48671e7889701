// What a dense product is to compute.
#pragma once

#include "kernels/kernel.h"

// c [m, n] = op(a) [m, k] · op(b) [k, n]  (+ c if accumulate; otherwise + bias, then max(·, 0) if relu). Rows may be strided; c
// must not overlap a or b. a and b are both TYPE_REAL (then c is, too) or both TYPE_BF16: then sums are f32 and c is TYPE_REAL
// or, unless accumulate is set, TYPE_BF16, rounded once at the end. Beside a TYPE_REAL a, b may be TYPE_I8.
// Split into fixed tiles over the pool: the same bits at any thread count. m, n or k may be 0 (k = 0: the sum is zero).
// Tolerance against the reference: k * epsilon relative to |a|·|b|, plus the rounding of a bf16 c. With bf16, operands and sums
// below 2^-126 may be flushed to zero: the processor's bf16 instructions do not support subnormal numbers.
typedef struct gemm_call {
    bool transpose_a, transpose_b;
    bool accumulate;
    bool relu;        // not with accumulate
    const real *bias; // [n] or NULL; not with accumulate
    matrix a, b, c;
} gemm_call;
