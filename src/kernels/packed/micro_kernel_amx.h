// Micro-kernels for pairs of bf16 in AMX tile registers: 2 x 2 registers of 16 x 16 sums, so that every register of a and b is
// used twice per load. A micro-tile has two such blocks, one below the other: the second finds its part of b in the L1 cache,
// and both find a there if the depth is as short as an expert is narrow. Included after operands_pairs.h.
//
// A register of a has 16 rows of 16 words (whole chunks of a packed by row); one of b has 16 steps of 16 columns: depth is
// padded with zeros to whole chunks. Fewer than 16 rows still take a whole register, whose other rows hold whatever follows in
// memory; their sums are not used. (A separate configuration for each height would cost more than it saves: configuring clears
// all registers.)
#pragma once

#include "kernels/tile_registers.h"
#include "kernels/vector.h"

enum { HEIGHT = 2 * LANES, MR = 2 * HEIGHT, NR = 2 * LANES };
enum { KR = LANES, PANEL_VECTORS = MR / LANES, STREAMS = 16 };

#include "kernels/packed/micro_tile.h"
#include "kernels/packed/transpose.h"

enum { TILE_STRIDE = LANES * sizeof(word), SUM_STRIDE = NR * sizeof(float) };

static inline void micro_kernel_begin(void) {
    register_shapes shapes = whole_registers();
    configure_registers(&shapes);
}
static inline void micro_kernel_end(void) {
    _tile_release();
}

typedef float block_sums[HEIGHT][NR];

// sums = a · b; the lower half only if tall. Chunks of a are `chunk` words apart.
static inline __attribute__((always_inline)) void multiply(
    const bool tall, const micro_tile *t, const word *a, int64_t chunk, int first_ahead, block_sums sums) {
    const word *b = t->b;
    const char *ahead[STREAMS / 2];
    tile_memory_written();
    for (int i = 0; i < STREAMS / 2; i++)
        _mm_prefetch(ahead[i] = t->ahead[first_ahead + i].line, _MM_HINT_T0);
    _tile_zero(0);
    _tile_zero(1);
    if (tall) _tile_zero(2);
    if (tall) _tile_zero(3);
    for (int64_t k = 0; k < t->depth; k += LANES) {
        for (int i = 0; i < STREAMS / 2; i++)
            _mm_prefetch(ahead[i] += t->ahead[first_ahead + i].step, _MM_HINT_T0);
        _tile_loadd(4, a, TILE_STRIDE);
        _tile_loadd(6, b, SUM_STRIDE);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b + LANES, SUM_STRIDE);
        _tile_dpbf16ps(1, 4, 7);
        if (tall) {
            _tile_loadd(5, a + LANES * LANES, TILE_STRIDE);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        a += chunk;
        b += LANES * NR;
    }
    _tile_stored(0, sums[0], SUM_STRIDE);
    _tile_stored(1, sums[0] + LANES, SUM_STRIDE);
    if (tall) _tile_stored(2, sums[LANES], SUM_STRIDE);
    if (tall) _tile_stored(3, sums[LANES] + LANES, SUM_STRIDE);
}

// Computes the sums of rows [first, first + rows) of the tile.
static void multiply_block(const micro_tile *t, int64_t first, int64_t rows, int64_t chunk, block_sums sums) {
    const word *a = t->a + first * LANES;
    int ahead = first ? STREAMS / 2 : 0;
    for (int64_t r = 0; r < rows; r++) {
        __builtin_prefetch(t->c[first + r] + t->first, 1);
        __builtin_prefetch(t->c[first + r] + t->first + LANES, 1);
    }
    if (rows > LANES)
        multiply(true, t, a, chunk, ahead, sums);
    else
        multiply(false, t, a, chunk, ahead, sums);
}

static inline int64_t rows_of_block(int64_t rows, int64_t first) {
    return rows - first < HEIGHT ? rows - first : HEIGHT;
}

static inline void put_row(const micro_tile *t, const float *sums, float *c) {
    for (int64_t j = 0; j < t->cols; j += LANES) {
        vec x = vec_load(sums + j);
        if (t->accumulate) x += load_row_end(c + j, t->cols - j);
        store_row_end(c + j, t->cols - j, x);
    }
}

static void micro_kernel(int64_t rows, const micro_tile *t, int64_t chunk) {
    _Alignas(LINE) block_sums sums;
    for (int64_t first = 0; first < rows; first += HEIGHT) {
        int64_t height = rows_of_block(rows, first);
        multiply_block(t, first, height, chunk, sums);
        for (int64_t r = 0; r < height; r++) put_row(t, sums[r], t->c[first + r] + t->first);
    }
}

static void micro_kernel_by_row(int64_t rows, const micro_tile *t) {
    micro_kernel(rows, t, rows * LANES);
}

static void micro_kernel_by_step(int64_t rows, const micro_tile *t) {
    micro_kernel(rows, t, PANEL_VECTORS * LANES * LANES);
}

static inline void load_8x8(const word *block, __m256 x[8]) {
    for (int i = 0; i < 8; i++) x[i] = _mm256_loadu_ps(block + i * LANES);
}
static inline void store_8x8(word *block, const __m256 x[8]) {
    for (int i = 0; i < 8; i++) _mm256_storeu_ps(block + i * LANES, x[i]);
}

// Transposes LANES x LANES words in place.
static inline void transpose_block(word *block) {
    __m256 upper[8], lower[8];
    for (int corner = 0; corner < LANES; corner += 8) {
        word *diagonal = block + corner * LANES + corner;
        load_8x8(diagonal, upper);
        transpose_8x8(upper);
        store_8x8(diagonal, upper);
    }
    load_8x8(block + 8, upper);
    load_8x8(block + 8 * LANES, lower);
    transpose_8x8(upper);
    transpose_8x8(lower);
    store_8x8(block + 8, lower);
    store_8x8(block + 8 * LANES, upper);
}

// Transposes a panel packed by step to rows: its chunks become [PANEL_VECTORS][LANES rows][LANES steps].
static inline void finish_steps(word *a, int64_t depth) {
    for (int64_t block = 0; block < depth / LANES * PANEL_VECTORS; block++)
        transpose_block(a + block * LANES * LANES);
}
