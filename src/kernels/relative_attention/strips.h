// Whole strips of strip_product.h, made of the tiles of tile_product.h or tile_product_amx.h, which is included first. A thread
// computes them between begin_products and end_products: only there does the system save AMX's registers.
#pragma once

#include "kernels/relative_attention/strip_product.h"

#include <stdbool.h>

static inline __attribute__((always_inline)) void product_strip(
    const strip_product *p, left_layout layout, bool accumulate) {
    int64_t v = 0;
    begin_strip(p);
    for (; v + TILE_VECTORS <= p->vectors; v += TILE_VECTORS)
        product_tile(p, layout, accumulate, TILE_VECTORS, p->right + v / TILE_VECTORS * p->right_tile_step,
            p->c + v * LANES);
    const operand *right = p->right + v / TILE_VECTORS * p->right_tile_step;
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
