// Elementwise passes and row sums, each split into fixed blocks of rows over the pool. All shapes are [N, d]. Matrices are
// TYPE_REAL unless stated otherwise; "any" may also be TYPE_BF16: elements are widened, processed and rounded.
#pragma once

#include "base/random.h"
#include "kernels/kernel.h"

// y = max(x + bias, 0) in place of x; bias [d] may be NULL.
void bias_relu(const kernel_context *context, matrix x, const real *bias);
// x += bias.
void add_bias(const kernel_context *context, matrix x, const real *bias);
// dx *= factor where u > 0, otherwise dx = 0. u: output of a ReLU, optionally followed by a dropout with this factor: both let
// the gradient pass where u > 0. u and dx: any, of one type.
void relu_backward(const kernel_context *context, matrix u, matrix dx, real factor);
// y += x.
void add_into(const kernel_context *context, matrix y, matrix x);
// y = x; both any, converted if their types differ.
void copy_into(const kernel_context *context, matrix y, matrix x);
// x as a matrix of `type`: x itself if it has that type, otherwise a converted copy in scratch memory. x: any.
sigmoe_status matrix_as(const kernel_context *context, matrix x, dtype type, matrix *out);
void fill(const kernel_context *context, matrix y, real value);
// x *= factors of random_dropout at positions row * d + column + first. p = 0: no effect. The same call on the gradient is the
// backward. x: any.
void dropout(const kernel_context *context, matrix x, double p, random_stream stream, uint64_t first);
// sum [d] += Σ_rows x, over fixed blocks of rows in block order. x: any.
sigmoe_status add_column_sums(const kernel_context *context, matrix x, real *sum);
// Softmax of each row, in place; and its backward: d = y ⊙ (d - Σ y ⊙ d).
void softmax_rows(const kernel_context *context, matrix x);
void softmax_rows_backward(const kernel_context *context, matrix y, matrix d);

typedef struct pointwise_kernel {
    kernel_identity identity;
    void (*bias_relu)(real *x, const real *bias, int64_t n);
    void (*add)(real *y, const real *x, int64_t n);
    void (*relu_backward)(const real *u, real *dx, int64_t n, real factor);
    void (*dropout)(real *x, int64_t n, double p, random_stream stream, uint64_t first);
    void (*softmax)(real *x, int64_t n);
    void (*softmax_backward)(const real *y, real *d, int64_t n);
    void (*widen)(real *y, const bf16 *x, int64_t n);
    void (*round)(bf16 *y, const real *x, int64_t n);
} pointwise_kernel;
// The implementation chosen for the functions above: for kernels with row loops of their own.
const pointwise_kernel *pointwise_chosen(void);
