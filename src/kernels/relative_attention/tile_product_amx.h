// strip_product.h in AMX tile registers of 16 x 16 words: three of sums share one of the left operand.
//
// If the depth is not a multiple of 16 words, it ends in narrower registers, so that only the operands themselves are read.
#pragma once

#include "kernels/packed/transpose.h"
#include "kernels/relative_attention/strip_product.h"
#include "kernels/tile_registers.h"

#include <stdbool.h>

enum { TILE_ROWS = REGISTER_ROWS, TILE_DEPTH = 16 };

// Registers 0 to 2 hold the sums, 3 the left operand, 4 and 5 the right one; these are for the remainder of the depth. (The
// instructions accept only literal register numbers.)
enum { LEFT_REST = 6, RIGHT_REST = 7 };

// The remainder of the depth, in words, that the thread's registers are configured for.
static _Thread_local int64_t configured_rest;

static inline void configure_tiles(int64_t rest) {
    register_shapes shapes = whole_registers();
    if (rest > 0) {
        shapes.row_bytes[LEFT_REST] = (uint16_t)(rest * (int64_t)sizeof(word));
        shapes.rows[RIGHT_REST] = (uint8_t)rest;
    }
    configure_registers(&shapes);
    configured_rest = rest;
}

static inline void begin_products(void) {
    configure_tiles(0);
}
static inline void end_products(void) {
    _tile_release();
}
static inline void begin_strip(const strip_product *p) {
    int64_t rest = p->words % TILE_DEPTH;
    if (rest > 0 && rest != configured_rest) configure_tiles(rest);
}

// to [TILE_ROWS, TILE_DEPTH] words: transposes `depth` rows of contiguous words, `step` apart, to columns.
static inline void turn_left(float *to, const operand *left, int64_t step, int64_t depth) {
    for (int64_t r = 0; r < TILE_ROWS; r += 8)
        for (int64_t k = 0; k < depth; k += 8) {
            __m256 block[8];
            for (int64_t i = 0; i < 8; i++)
                block[i] = k + i < depth
                               ? _mm256_loadu_ps((const void *)(left + (k + i) * step + r * PER_WORD))
                               : _mm256_setzero_ps();
            transpose_8x8(block);
            for (int64_t i = 0; i < 8; i++) _mm256_storeu_ps(to + (r + i) * TILE_DEPTH + k, block[i]);
        }
}

// sums += left · right over at most 16 words of depth.
static inline __attribute__((always_inline)) void multiply_whole(
    int vectors, const void *left, int64_t left_bytes, const operand *right, int64_t right_bytes) {
    tile_memory_written();
    _tile_loadd(3, left, left_bytes);
    _tile_loadd(4, right, right_bytes);
    _tile_dpbf16ps(0, 3, 4);
    if (vectors > 1) {
        _tile_loadd(5, right + LANES * PER_WORD, right_bytes);
        _tile_dpbf16ps(1, 3, 5);
    }
    if (vectors > 2) {
        _tile_loadd(4, right + 2 * LANES * PER_WORD, right_bytes);
        _tile_dpbf16ps(2, 3, 4);
    }
}
static inline __attribute__((always_inline)) void multiply_rest(
    int vectors, const void *left, int64_t left_bytes, const operand *right, int64_t right_bytes) {
    tile_memory_written();
    _tile_loadd(6, left, left_bytes);
    _tile_loadd(7, right, right_bytes);
    _tile_dpbf16ps(0, 6, 7);
    if (vectors > 1) {
        _tile_loadd(7, right + LANES * PER_WORD, right_bytes);
        _tile_dpbf16ps(1, 6, 7);
    }
    if (vectors > 2) {
        _tile_loadd(7, right + 2 * LANES * PER_WORD, right_bytes);
        _tile_dpbf16ps(2, 6, 7);
    }
}

static inline __attribute__((always_inline)) void load_sums(
    int vectors, bool accumulate, const float *c, int64_t bytes) {
    tile_memory_written();
    if (!accumulate) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        return;
    }
    _tile_loadd(0, c, bytes);
    if (vectors > 1) _tile_loadd(1, c + LANES, bytes);
    if (vectors > 2) _tile_loadd(2, c + 2 * LANES, bytes);
}

static inline __attribute__((always_inline)) void product_tile(const strip_product *p, left_layout layout,
    bool accumulate, int vectors, const operand *right, float *c) {
    int64_t c_bytes = p->c_step * (int64_t)sizeof(float);
    int64_t right_bytes = p->right_step * (int64_t)sizeof(operand);
    load_sums(vectors, accumulate, c, c_bytes);
    for (int64_t k = 0; k < p->words; k += TILE_DEPTH) {
        int64_t depth = p->words - k < TILE_DEPTH ? p->words - k : TILE_DEPTH;
        _Alignas(REGISTER_BYTES) float turned[TILE_ROWS * TILE_DEPTH];
        const void *left = p->left + k * PER_WORD;
        int64_t left_bytes = p->left_step * (int64_t)sizeof(operand);
        if (layout == LEFT_BY_DEPTH) {
            turn_left(turned, p->left + k * p->left_step, p->left_step, depth);
            left = turned;
            left_bytes = REGISTER_BYTES;
        }
        if (depth == TILE_DEPTH)
            multiply_whole(vectors, left, left_bytes, right + k * p->right_step, right_bytes);
        else
            multiply_rest(vectors, left, left_bytes, right + k * p->right_step, right_bytes);
    }
    _tile_stored(0, c, c_bytes);
    if (vectors > 1) _tile_stored(1, c + LANES, c_bytes);
    if (vectors > 2) _tile_stored(2, c + 2 * LANES, c_bytes);
}
