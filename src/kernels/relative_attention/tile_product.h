// The one product that attention consists of: a strip of TILE_ROWS rows, its operands addressed by steps, so that
// transposes and the relative shift are only other steps. Counted in operands (operand_f32.h or operand_bf16.h, which comes
// first): its depth is a number of words.
#pragma once

#include <stdbool.h>

// A tile of TILE_ROWS x TILE_VECTORS sums fills the registers.
#if defined(__AVX512F__)
enum { TILE_ROWS = 8 };
#else
enum { TILE_ROWS = 4 };
#endif
enum { TILE_VECTORS = 3, TILE_COLUMNS = TILE_VECTORS * LANES, TILE_WORDS = TILE_COLUMNS * WORD };

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
    for (int r = 0; r < TILE_ROWS; r++) row[r] = p->left + r * (layout == LEFT_BY_ROWS ? p->left_step : WORD);
    int64_t depth = p->words, step = layout == LEFT_BY_ROWS ? WORD : p->left_step, right_step = p->right_step;
    for (int64_t k = 0; k < depth; k++) {
        vec b[TILE_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) {
            const operand *from = right + k * right_step + v * LANES * WORD;
            b[v] = words_at(from);
            // The next column tile's: where tiles interleave, the processor does not foresee it.
            __builtin_prefetch(from + p->right_tile_step);
        }
#pragma GCC unroll 8
        for (int r = 0; r < TILE_ROWS; r++) {
            vec a = word_all(row[r] + k * step);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++) sum[r][v] = word_multiply_add(a, b[v], sum[r][v]);
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
