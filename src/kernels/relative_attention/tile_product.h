// The one product that attention consists of: a strip of TILE_ROWS rows, its operands addressed by steps, so that
// transposes and the relative shift are only other steps. Included by the _avx2.c and _avx512.c files.
#pragma once

#include "kernels/vector_math.h"

#include <stdbool.h>

// A tile of TILE_ROWS x TILE_VECTORS sums fills the registers.
#if defined(__AVX512F__)
enum { TILE_ROWS = 8 };
#else
enum { TILE_ROWS = 4 };
#endif
enum { TILE_VECTORS = 3, TILE_COLUMNS = TILE_VECTORS * LANES };

// Element (row, k) of the left operand: rows `step` apart and contiguous in k, or contiguous rows and k `step` apart.
typedef enum left_layout { LEFT_BY_ROWS, LEFT_BY_DEPTH } left_layout;

// c [TILE_ROWS, vectors * LANES] (+)= left [TILE_ROWS, depth] · right [depth, vectors * LANES]
typedef struct strip_product {
    const float *left;
    int64_t left_step;
    const float *right;      // row k of column tile t at t * right_tile_step + k * right_step
    int64_t right_step;      //
    int64_t right_tile_step; // TILE_COLUMNS where rows are whole
    int64_t depth;
    float *c;
    int64_t c_step;
    int64_t vectors;
} strip_product;

static inline __attribute__((always_inline)) void product_tile(
    const strip_product *p, left_layout layout, bool accumulate, int vectors, const float *right, float *c) {
    vec sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            sum[r][v] = accumulate ? vec_load(c + r * p->c_step + v * LANES) : vec_all(0.0f);
    const float *row[TILE_ROWS];
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; r++) row[r] = p->left + r * (layout == LEFT_BY_ROWS ? p->left_step : 1);
    int64_t depth = p->depth, step = layout == LEFT_BY_ROWS ? 1 : p->left_step, right_step = p->right_step;
    for (int64_t k = 0; k < depth; k++) {
        vec b[TILE_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) {
            const float *from = right + k * right_step + v * LANES;
            b[v] = vec_load(from);
            // The next column tile's: where tiles interleave, the processor does not foresee it.
            __builtin_prefetch(from + p->right_tile_step);
        }
#pragma GCC unroll 8
        for (int r = 0; r < TILE_ROWS; r++) {
            vec a = vec_all(row[r][k * step]);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++) sum[r][v] = vec_fma(a, b[v], sum[r][v]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) vec_store(c + r * p->c_step + v * LANES, sum[r][v]);
}

static inline __attribute__((always_inline)) void product_strip(
    const strip_product *p, left_layout layout, bool accumulate) {
    int64_t v = 0;
    for (; v + TILE_VECTORS <= p->vectors; v += TILE_VECTORS)
        product_tile(p, layout, accumulate, TILE_VECTORS, p->right + v / TILE_VECTORS * p->right_tile_step,
            p->c + v * LANES);
    const float *right = p->right + v / TILE_VECTORS * p->right_tile_step;
    if (p->vectors - v == 2)
        product_tile(p, layout, accumulate, 2, right, p->c + v * LANES);
    else if (p->vectors - v == 1)
        product_tile(p, layout, accumulate, 1, right, p->c + v * LANES);
}

// The instances: one copy of each in the program.
static __attribute__((noinline)) void product_set(const strip_product *p) {
    product_strip(p, LEFT_BY_ROWS, false);
}
static __attribute__((noinline)) void product_add(const strip_product *p) {
    product_strip(p, LEFT_BY_ROWS, true);
}
static __attribute__((noinline)) void transposed_product_add(const strip_product *p) {
    product_strip(p, LEFT_BY_DEPTH, true);
}
