// Products of bf16 operands one tile at a time: what dense_gemm calls for them, an operation of its own in the lists.
#pragma once

#include "kernels/kernel.h"

// No tile of dense_gemm is larger.
enum { GEMM_MOST_ROWS = 384, GEMM_MOST_COLS = 768 };

// A part of a gemm_call whose a and b are TYPE_BF16, with pointers at its first elements; k > 0.
typedef struct bf16_gemm_tile {
    bool transpose_a, transpose_b, accumulate, relu;
    int64_t k;
    const bf16 *a;
    int64_t stride_a;
    const bf16 *b;
    int64_t stride_b;
    const real *bias; // of the tile's columns, or NULL
    matrix c;
} bf16_gemm_tile;

typedef struct dense_gemm_bf16_kernel {
    kernel_identity identity;
    int64_t scratch; // elements that `tile` may use
    void (*tile)(const bf16_gemm_tile *tile, real *scratch);
} dense_gemm_bf16_kernel;

const dense_gemm_bf16_kernel *dense_gemm_bf16_chosen(void);
