// One tile of a dense product, and the kernels that compute it: dense_gemm distributes the tiles over the threads.
#pragma once

#include "kernels/kernel.h"

// The largest tile.
enum { GEMM_MOST_ROWS = 384, GEMM_MOST_COLS = 768 };

// A part of a gemm_call; pointers refer to its first elements. k > 0, except for the references.
typedef struct gemm_tile {
    bool transpose_a, transpose_b, accumulate, relu;
    int64_t k;
    const void *a, *b; // of the kernel's operand type: real or bf16
    int64_t stride_a, stride_b;
    const real *bias; // of the tile's columns, or NULL
    matrix c;
} gemm_tile;

typedef struct gemm_kernel {
    kernel_identity identity;
    int64_t row_step, col_step; // granularity of the kernel: sides of tiles are multiples of these
    int64_t scratch;            // elements that `tile` may use
    bool turns_b;               // transpose b once for many tiles, instead of in each tile
    void (*tile)(const gemm_tile *tile, real *scratch);
} gemm_kernel;

// Applies the bias, then ReLU, to a TYPE_REAL tile, while its rows are still in the cache from the summation.
void gemm_tile_finish(const gemm_tile *tile);
