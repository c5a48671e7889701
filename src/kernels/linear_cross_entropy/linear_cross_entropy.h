// The output layer and its loss, in chunks of rows: only one chunk of logits exists at a time.
#pragma once

#include "kernels/kernel.h"

typedef struct cross_entropy_call {
    matrix x;               // TYPE_REAL or TYPE_BF16, like weight: logits are f32 either way
    matrix weight;          // [V, d]
    const real *bias;       // [V]
    const int32_t *targets; // [N], each in [0, V)
    double *nats;           // [N], out: -log softmax(x W^T + b)[target]
} cross_entropy_call;

sigmoe_status cross_entropy_forward(const kernel_context *context, const cross_entropy_call *call);

// The same of logits [N, V] that are there already, which it overwrites.
sigmoe_status cross_entropy_of_logits(
    const kernel_context *context, matrix logits, const int32_t *targets, double *nats);

typedef struct cross_entropy_gradients {
    real scale;     // gradients are of scale · Σ nats (1/N for the mean)
    matrix dx;      // [N, d], TYPE_REAL, overwritten
    matrix dweight; // [V, d], TYPE_REAL, accumulated
    real *dbias;    // [V], accumulated
} cross_entropy_gradients;
// Forward and backward in one pass over the chunks; also writes nats.
sigmoe_status cross_entropy_train(
    const kernel_context *context, const cross_entropy_call *call, const cross_entropy_gradients *gradients);

// Scratch memory for training: the logits of a chunk, and their rounded gradient for bf16 products.
int64_t cross_entropy_scratch_bytes(int64_t rows, int64_t vocabulary, dtype operands);

typedef struct linear_cross_entropy_kernel {
    kernel_identity identity;
    // On a chunk of logits [rows, V] with the bias not yet added: nats, and, when gradient_scale != 0, the logits replaced by
    // gradient_scale · (softmax - onehot). Rows are independent.
    void (*rows)(real *logits, int64_t rows, int64_t vocabulary, const real *bias, const int32_t *targets,
        real gradient_scale, double *nats);
} linear_cross_entropy_kernel;
