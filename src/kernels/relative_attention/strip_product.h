// The one product that attention consists of: a strip of TILE_ROWS rows, its operands addressed by steps, so that
// transposes and the relative shift are only other steps. Counted in operands (packed/operands.h), which come
// first; the depth is a number of words. tile_product.h and tile_product_amx.h compute it.
#pragma once

#include <stdint.h>

enum { TILE_VECTORS = 3, TILE_COLUMNS = TILE_VECTORS * LANES, TILE_WORDS = TILE_COLUMNS * PER_WORD };

// Word k of a row of the left operand: rows `step` apart and words contiguous, or contiguous rows and words `step` apart.
typedef enum left_layout { LEFT_BY_ROWS, LEFT_BY_DEPTH } left_layout;

// c [TILE_ROWS, vectors * LANES] (+)= left [TILE_ROWS, words] · right [words, vectors * LANES]
typedef struct strip_product {
    const operand *left;
    int64_t left_step;
    const operand *right;    // words k of column tile t at t * right_tile_step + k * right_step
    int64_t right_step;      //
    int64_t right_tile_step; // TILE_WORDS where rows are whole
    int64_t words;
    float *c;
    int64_t c_step;
    int64_t vectors;
} strip_product;
