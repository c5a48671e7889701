// Packing of operands into panels. Included after operands and micro-kernels. Everything is zero-padded: columns of b to NR,
// depth to KR, steps of a packed by row to LANES.
#pragma once

#include "kernels/kernel.h"
#include "kernels/packed/transpose.h"

// The start of piece `i` of `pieces` if [0, total) is split as evenly as integers allow.
static inline int64_t even_cut(int64_t total, int64_t pieces, int64_t i) {
    return total * i / pieces;
}

// The padded depth of sums with `terms` terms.
static inline int64_t depth_of(int64_t terms) {
    return round_up((terms + PER_WORD - 1) / PER_WORD, KR);
}

// Long sums are split into blocks of depth.
enum {
    BLOCK_DEPTH = 320, // words, at most; whole chunks: keeps b's panel close to the micro-kernels
    MOST_DEPTH = 448,  // limit for a single block, to avoid adding to c a second time
    BLOCK_TERMS = BLOCK_DEPTH * PER_WORD,
    MOST_TERMS = MOST_DEPTH * PER_WORD,
};

// Blocks of even size; all except the last are whole chunks.
static inline int64_t block_terms(int64_t k) {
    if (k <= MOST_TERMS) return k;
    return round_up(divide_up(k, divide_up(k, BLOCK_TERMS)), PER_WORD * LANES);
}

// Packs a by row, [depth / LANES][rows][LANES], from rows anywhere in memory.
static inline void pack_rows(const operand *const *source, int64_t rows, int64_t terms, word *a) {
    enum { STEP = PER_WORD * LANES };
    int64_t k = 0;
    for (; k + STEP <= terms; k += STEP)
        for (int64_t r = 0; r < rows; r++, a += LANES) vec_store(a, words_along(source[r] + k, STEP));
    if (k < terms)
        for (int64_t r = 0; r < rows; r++, a += LANES) vec_store(a, words_along(source[r] + k, terms - k));
}

// The length of a panel of a packed by step: whole chunks.
static inline int64_t step_panel(int64_t steps) {
    return round_up(depth_of(steps), LANES) * PANEL_VECTORS * LANES;
}

// Vector `v` of a step of depth; chunks are [PANEL_VECTORS][LANES][LANES].
static inline word *step_vector(word *a, int64_t step, int v) {
    return a + ((step / LANES * PANEL_VECTORS + v) * LANES + step % LANES) * LANES;
}

static inline void clear_steps(word *a, int64_t first, int64_t depth) {
    for (int64_t k = first; k < depth; k++)
        for (int v = 0; v < PANEL_VECTORS; v++) vec_store(step_vector(a, k, v), vec_all(0));
}

// Packs the steps of one chunk of the panel that starts at column `first`.
static inline void pack_step_chunk(
    const operand *const *source, int64_t steps, int64_t columns, int64_t first, int64_t chunk, word *panel) {
    int64_t last = least(chunk + LANES, divide_up(steps, PER_WORD));
    for (int64_t k = chunk; k < last; k++)
        for (int v = 0; v < PANEL_VECTORS; v++) {
            int64_t column = first + v * LANES, s = k * PER_WORD;
            vec_store(
                step_vector(panel, k, v), words_across(source + s, column, steps - s, columns - column));
        }
}

// Packs a by step: source[s] is term s and its columns are the rows of the product, split evenly into panels of at most MR.
// Lanes beyond a panel's rows hold whatever follows in the source; the corresponding sums are not used.
static inline void pack_steps(const operand *const *source, int64_t steps, int64_t columns, word *a) {
    int64_t panels = divide_up(columns, MR), count = divide_up(steps, PER_WORD), depth = depth_of(steps);
    // Chunk by chunk: all terms of all panels at once would touch more pages than the TLB holds.
    for (int64_t chunk = 0; chunk < count; chunk += LANES)
        for (int64_t p = 0; p < panels; p++)
            pack_step_chunk(
                source, steps, columns, even_cut(columns, panels, p), chunk, a + p * step_panel(steps));
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        clear_steps(a, count, depth);
        finish_steps(a, depth);
    }
}

// Packs b into panels [depth][NR], from the columns of rows anywhere in memory.
static inline void pack_gathered_columns(
    const operand *const *source, int64_t terms, int64_t columns, word *b) {
    for (int64_t j = 0; j < columns; j += NR) {
        word *end = b + depth_of(terms) * NR;
        for (int64_t k = 0; k < terms; k += PER_WORD, b += NR) {
            vec_store(b, words_across(source + k, j, terms - k, columns - j));
            vec_store(b + LANES, words_across(source + k, j + LANES, terms - k, columns - j - LANES));
        }
        for (; b < end; b += LANES) vec_store(b, vec_all(0));
    }
}

// The same from a row-major matrix [terms, columns].
static inline void pack_columns(
    const operand *source, int64_t stride, int64_t terms, int64_t columns, word *b) {
    for (int64_t j = 0; j < columns; j += NR) {
        word *end = b + depth_of(terms) * NR;
        for (int64_t k = 0; k < terms; k += PER_WORD, b += NR) {
            const operand *rows[PER_WORD];
            for (int i = 0; i < PER_WORD; i++) rows[i] = source + (k + i) * stride;
            vec_store(b, words_across(rows, j, terms - k, columns - j));
            vec_store(b + LANES, words_across(rows, j + LANES, terms - k, columns - j - LANES));
        }
        for (; b < end; b += LANES) vec_store(b, vec_all(0));
    }
}

// 8 steps of LANES columns, of which `present` exist; the columns are the matrix's rows.
static inline void transpose_part(const operand *rows, int64_t stride, int64_t present, word *columns) {
    for (int64_t r = 0; r < LANES; r += 8) {
        __m256 block[8];
        for (int64_t i = 0; i < 8; i++)
            block[i] = r + i < present ? vec_first_eight(words_along(rows + (r + i) * stride, 8 * PER_WORD))
                                       : _mm256_setzero_ps();
        transpose_8x8(block);
        for (int64_t i = 0; i < 8; i++) _mm256_storeu_ps(columns + i * NR + r, block[i]);
    }
}

// Packs b into panels [depth][NR], from the transpose of a row-major matrix [columns, terms].
static inline void pack_transposed(
    const operand *source, int64_t stride, int64_t terms, int64_t columns, word *b) {
    int64_t depth = depth_of(terms), whole = terms / PER_WORD;
    for (int64_t j = 0; j < round_up(columns, NR); j += LANES) {
        word *panel = b + j / NR * NR * depth + j % NR;
        const operand *rows = source + j * stride;
        int64_t present = columns - j, k = 0;
        if (present >= LANES)
            for (; k + 4 <= whole; k += 4) transpose_four(rows + k * PER_WORD, stride, panel + k * NR, NR);
        else
            for (; k + 8 <= whole; k += 8)
                transpose_part(rows + k * PER_WORD, stride, present, panel + k * NR);
        for (; k < depth; k++)
            for (int64_t c = 0; c < LANES; c++)
                panel[k * NR + c] = c < present && k * PER_WORD < terms
                                        ? one_word(rows + c * stride + k * PER_WORD, terms - k * PER_WORD)
                                        : 0;
    }
}
