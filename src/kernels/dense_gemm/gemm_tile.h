// One tile of a dense product, and the kernels that compute it: dense_gemm deals tiles out to threads.
#pragma once

#include "kernels/kernel.h"

// No tile is larger.
enum { GEMM_MOST_ROWS = 384, GEMM_MOST_COLS = 768 };

// A part of a gemm_call, with pointers at its first elements; k > 0, but for the references.
typedef struct gemm_tile {
    bool transpose_a, transpose_b, accumulate, relu;
    int64_t k;
    const void *a, *b; // elements of the kernel's operands: real or bf16
    int64_t stride_a, stride_b;
    const real *bias; // of the tile's columns, or NULL
    matrix c;
} gemm_tile;

typedef struct gemm_kernel {
    kernel_identity identity;
    int64_t row_step, col_step; // what it takes at once: sides of tiles are multiples of these
    int64_t scratch;            // elements that `tile` may use
    bool turns_b;               // transposed, b costs so much more that it is turned once for many tiles
    void (*tile)(const gemm_tile *tile, real *scratch);
} gemm_kernel;

// What follows the sum, in a tile of TYPE_REAL: the bias, then ReLU. Its rows are still in the cache that the sums left them
// in.
void gemm_tile_finish(const gemm_tile *tile);
