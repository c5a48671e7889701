// Products by oneDNN's matmul primitive. Making one takes longer than a small product, so each thread keeps those it used
// last. Knows both of oneDNN's C interfaces, 2 and 3.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    MATMUL_TRANSPOSE_A = 1,
    MATMUL_TRANSPOSE_B = 2,
    MATMUL_BF16_OPERANDS = 4, // else f32
    MATMUL_BF16_RESULT = 8,   // else f32
    MATMUL_ACCUMULATE = 16,
    MATMUL_RELU = 32,
    MATMUL_BIAS = 64,
};

// All that a primitive depends on; no padding, compared as bytes.
typedef struct onednn_matmul {
    int64_t m, n, k, stride_a, stride_b, stride_c; // strides of rows, as they lie in memory
    int64_t flags;                                 // MATMUL_*
} onednn_matmul;

// Around every use of oneDNN: it takes the processor level in force, and one thread. How many threads OpenMP gives to the
// calling thread is for its program to say, so this returns the number, and onednn_end takes it to put it back.
int onednn_begin(void);
void onednn_end(int host_threads);

// c [m, n] = relu(c + a [m, k] · b [k, n] + bias [n]), each part where its flag is set; bias is read with MATMUL_BIAS. False,
// with nothing written, without memory or where oneDNN has no such product on this processor.
bool onednn_matmul_run(const onednn_matmul *what, const void *a, const void *b, const float *bias, void *c);
