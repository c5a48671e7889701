// Tiles of pairs of bf16 in AMX's registers: 2 x 2 of 16 x 16 sums each, so that every register of a and b that is loaded is
// multiplied twice. A tile has two such blocks, one below the other: what the second takes of b is in the first cache then, and
// so are both of a where a sum is as short as an expert is narrow. Included after words_pairs.h.
//
// A register of a has 16 rows of 16 words (whole chunks of a by row); one of b 16 steps of 16 columns: chunks of depth are
// whole, and padded with zeros. Fewer rows than 16 still take a whole register, whose other rows hold what follows in memory;
// what comes of them is not used. (A configuration a height would cost more than it saves: it clears all registers.)
#pragma once

#include "kernels/vector.h"

enum { HEIGHT = 2 * LANES, ROWS = 2 * HEIGHT, COLS = 2 * LANES };
enum { DEPTH_STEP = LANES, STEP_VECTORS = ROWS / LANES, STREAMS = 16 };

#include "kernels/expert_ffn/tile.h"

enum { TILE_STRIDE = LANES * sizeof(word), SUM_STRIDE = COLS * sizeof(float) };

// ldtilecfg's operand.
typedef struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes_per_row[16];
    uint8_t rows[16];
} tile_configuration;

// A thread's registers are configured while it works on a task: the system saves them only then.
static inline void begin_tiles(void) {
    static const tile_configuration all = {.palette = 1,
        .bytes_per_row = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&all);
}
static inline void end_tiles(void) {
    _tile_release();
}

typedef float block_sums[HEIGHT][COLS];

// sums = a · b; the lower half only if tall. Chunks of a are `chunk` words apart.
static inline __attribute__((always_inline)) void multiply(
    const bool tall, const tile *t, const word *a, int64_t chunk, const char *const *ahead, block_sums sums) {
    const word *b = t->b;
    int64_t line = LINE;
    __asm__ volatile("" ::: "memory"); // gcc's loads of tiles do not say that they read memory
    for (int i = 0; i < STREAMS / 2; i++) _mm_prefetch(ahead[i], _MM_HINT_T0);
    _tile_zero(0);
    _tile_zero(1);
    if (tall) _tile_zero(2);
    if (tall) _tile_zero(3);
    for (int64_t k = 0; k < t->depth; k += LANES, line += LINE) {
        for (int i = 0; i < STREAMS / 2; i++) _mm_prefetch(ahead[i] + line, _MM_HINT_T0);
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
        b += LANES * COLS;
    }
    _tile_stored(0, sums[0], SUM_STRIDE);
    _tile_stored(1, sums[0] + LANES, SUM_STRIDE);
    if (tall) _tile_stored(2, sums[LANES], SUM_STRIDE);
    if (tall) _tile_stored(3, sums[LANES] + LANES, SUM_STRIDE);
}

// The sums of rows [first, first + rows) of the tile.
static void multiply_block(const tile *t, int64_t first, int64_t rows, int64_t chunk, block_sums sums) {
    const word *a = t->a + first * LANES;
    const char *const *ahead = t->ahead + (first ? STREAMS / 2 : 0);
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

// c = a · b, a by row. The tile's rows must have room for COLS columns.
static void store_tile(int64_t rows, const tile *t) {
    _Alignas(LINE) block_sums sums;
    for (int64_t first = 0; first < rows; first += HEIGHT) {
        int64_t height = rows_of_block(rows, first);
        multiply_block(t, first, height, rows * LANES, sums);
        for (int64_t r = 0; r < height; r++) {
            float *c = t->c[first + r] + t->first;
            vec_store(c, vec_load(sums[r]));
            vec_store(c + LANES, vec_load(sums[r] + LANES));
        }
    }
}

// c += a · b, a by step.
static void add_tile(int64_t rows, const tile *t) {
    _Alignas(LINE) block_sums sums;
    for (int64_t first = 0; first < rows; first += HEIGHT) {
        int64_t height = rows_of_block(rows, first);
        multiply_block(t, first, height, STEP_VECTORS * LANES * LANES, sums);
        for (int64_t r = 0; r < height; r++)
            for (int64_t j = 0; j < t->cols; j += LANES) {
                float *c = t->c[first + r] + t->first + j;
                store_existing(c, t->cols - j, load_existing(c, t->cols - j) + vec_load(sums[r] + j));
            }
    }
}

// Both rows anew from the lanes of [x | y] that are named.
static inline void exchange(__m512i *x, __m512i *y, __m512i from_x, __m512i from_y) {
    __m512i old = *x;
    *x = _mm512_permutex2var_epi32(old, from_x, *y);
    *y = _mm512_permutex2var_epi32(old, from_y, *y);
}

// Transposes LANES x LANES words in place: in each round the off-diagonal blocks of blocks twice as large change places.
static inline void transpose_block(word *block) {
    __m512i rows[LANES];
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (int i = 0; i < LANES; i++) rows[i] = _mm512_loadu_si512(block + i * LANES);
#pragma GCC unroll 4
    for (int distance = 1; distance < LANES; distance *= 2) {
        // Of a pair of rows, lanes with this bit in the upper and lanes without it in the lower change places.
        __mmask16 high = _mm512_test_epi32_mask(lanes, _mm512_set1_epi32(distance));
        __m512i step = _mm512_set1_epi32(distance), other = _mm512_set1_epi32(LANES);
        __m512i from_x = _mm512_mask_add_epi32(lanes, high, _mm512_sub_epi32(lanes, step), other);
        __m512i from_y = _mm512_mask_add_epi32(_mm512_add_epi32(lanes, step), high, lanes, other);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (!(i & distance)) exchange(&rows[i], &rows[i + distance], from_x, from_y);
    }
    for (int i = 0; i < LANES; i++) _mm512_storeu_si512(block + i * LANES, rows[i]);
}

// What was packed by step is turned to rows: a panel's chunks are [STEP_VECTORS][LANES rows][LANES steps] then.
static inline void finish_steps(word *a, int64_t depth) {
    for (int64_t block = 0; block < depth / LANES * STEP_VECTORS; block++)
        transpose_block(a + block * LANES * LANES);
}
