// The one product that attention consists of: a strip of TILE_ROWS rows. Operands are addressed by strides, so that transposes
// and the relative shift are just different strides. Strides are in operands (packed/operands.h, included first); the depth is
// in words. Computed by tile_product.h or tile_product_amx.h.
#pragma once

#include <stdint.h>

enum { TILE_VECTORS = 3, TILE_COLUMNS = TILE_VECTORS * LANES, TILE_WORDS = TILE_COLUMNS * PER_WORD };

// Word k of a row of the left operand: rows `step` apart with contiguous words, or contiguous rows with words `step` apart.
typedef enum left_layout { LEFT_BY_ROWS, LEFT_BY_DEPTH } left_layout;

// c [TILE_ROWS, vectors * LANES] (+)= left [TILE_ROWS, words] · right [words, vectors * LANES]
typedef struct strip_product {
    const operand *left;
    int64_t left_step;
    const operand *right; // word k of column tile t is at t * right_tile_step + k * right_step
    int64_t right_step;
    int64_t right_tile_step; // TILE_WORDS if rows are contiguous across tiles
    int64_t words;
    float *c;
    int64_t c_step;
    int64_t vectors;
} strip_product;
