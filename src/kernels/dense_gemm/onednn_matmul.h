// Products by oneDNN's matmul primitive. Creating a primitive takes longer than a small product, so each thread caches the last
// ones it used. Supports both C interfaces of oneDNN, 2 and 3.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    MATMUL_TRANSPOSE_A = 1,
    MATMUL_TRANSPOSE_B = 2,
    MATMUL_BF16_OPERANDS = 4, // otherwise f32
    MATMUL_BF16_RESULT = 8,   // otherwise f32
    MATMUL_ACCUMULATE = 16,
    MATMUL_RELU = 32,
    MATMUL_BIAS = 64,
};

// Everything that a primitive depends on; has no padding, since it is compared as bytes.
typedef struct onednn_matmul {
    int64_t m, n, k, stride_a, stride_b, stride_c; // row strides, as stored
    int64_t flags;                                 // MATMUL_*
} onednn_matmul;

// Enclose every use of oneDNN: they limit it to the processor level in use and to one thread. The number of OpenMP threads of
// the calling thread belongs to its program, so onednn_begin returns it, and onednn_end restores it.
int onednn_begin(void);
void onednn_end(int host_threads);

// c [m, n] = relu(c + a [m, k] · b [k, n] + bias [n]), each part if its flag is set; bias is read only with MATMUL_BIAS.
// Returns false, with nothing written, if out of memory or if oneDNN has no such product for this processor.
bool onednn_matmul_run(const onednn_matmul *what, const void *a, const void *b, const float *bias, void *c);
