// strip_product.h in vector registers.
#pragma once

#include "kernels/relative_attention/strip_product.h"

#include <stdbool.h>

// A tile of TILE_ROWS x TILE_VECTORS sums fills the registers.
#if defined(__AVX512F__)
enum { TILE_ROWS = 8 };
#else
enum { TILE_ROWS = 4 };
#endif

static inline __attribute__((always_inline)) void product_tile(const strip_product *p, left_layout layout,
    bool accumulate, int vectors, const operand *right, float *c) {
    vec sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            sum[r][v] = accumulate ? vec_load(c + r * p->c_step + v * LANES) : vec_all(0.0f);
    const operand *row[TILE_ROWS];
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; r++)
        row[r] = p->left + r * (layout == LEFT_BY_ROWS ? p->left_step : PER_WORD);
    int64_t depth = p->words, step = layout == LEFT_BY_ROWS ? PER_WORD : p->left_step,
            right_step = p->right_step;
    for (int64_t k = 0; k < depth; k++) {
        vec b[TILE_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) {
            const operand *from = right + k * right_step + v * LANES * PER_WORD;
            b[v] = words_along(from, PER_WORD * LANES);
            // The next column tile: if tiles interleave, the hardware prefetcher does not follow.
            __builtin_prefetch(from + p->right_tile_step);
        }
#pragma GCC unroll 8
        for (int r = 0; r < TILE_ROWS; r++) {
            vec a = vec_all(one_word(row[r] + k * step, PER_WORD));
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++) sum[r][v] = multiply_add(a, b[v], sum[r][v]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) vec_store(c + r * p->c_step + v * LANES, sum[r][v]);
}

// Vector registers need no preparation.
static inline void begin_products(void) {}
static inline void end_products(void) {}
static inline void begin_strip(const strip_product *p) {
    (void)p;
}
