// Packing of operands into panels. Included after operands and micro-kernels. Everything is zero-padded: columns of b to
// NR, depth to KR, steps of a by row to LANES.
#pragma once

#include "kernels/kernel.h"
#include "kernels/packed/transpose.h"

// Where piece `i` of `pieces` begins when [0, total) is cut as evenly as integers allow.
static inline int64_t even_cut(int64_t total, int64_t pieces, int64_t i) {
    return total * i / pieces;
}

// The depth of sums that have `terms` terms.
static inline int64_t depth_of(int64_t terms) {
    return round_up((terms + PER_WORD - 1) / PER_WORD, KR);
}

// a by row, [depth / LANES][rows][LANES], from rows that lie anywhere.
static void pack_rows(const operand *const *source, int64_t rows, int64_t terms, word *a) {
    enum { STEP = PER_WORD * LANES };
    for (int64_t r = 0; r < rows; r++) {
        word *target = a + r * LANES;
        int64_t k = 0;
        for (; k + STEP <= terms; k += STEP, target += rows * LANES)
            vec_store(target, words_along(source[r] + k, STEP));
        if (k < terms) vec_store(target, words_along(source[r] + k, terms - k));
    }
}

// The length of a panel of a by step: whole chunks.
static inline int64_t step_panel(int64_t steps) {
    return round_up(depth_of(steps), LANES) * PANEL_VECTORS * LANES;
}

// Vector `v` of a step of depth; chunks are [PANEL_VECTORS][LANES][LANES].
static inline word *step_vector(word *a, int64_t step, int v) {
    return a + ((step / LANES * PANEL_VECTORS + v) * LANES + step % LANES) * LANES;
}

static void clear_steps(word *a, int64_t first, int64_t depth) {
    for (int64_t k = first; k < depth; k++)
        for (int v = 0; v < PANEL_VECTORS; v++) vec_store(step_vector(a, k, v), vec_all(0));
}

// a by step: source[s] is term s, its columns the rows of the product, cut evenly into panels of at most MR. Lanes beyond a
// panel's rows hold what follows in the source; what micro-kernels make of them is not used.
static void pack_steps(const operand *const *source, int64_t steps, int64_t columns, word *a) {
    int64_t panels = (columns + MR - 1) / MR;
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        int64_t first = even_cut(columns, panels, p), k = 0;
        for (int64_t s = 0; s < steps; s += PER_WORD, k++)
            for (int v = 0; v < PANEL_VECTORS; v++) {
                int64_t column = first + v * LANES;
                vec_store(
                    step_vector(a, k, v), words_across(source + s, column, steps - s, columns - column));
            }
        clear_steps(a, k, depth_of(steps));
        finish_steps(a, depth_of(steps));
    }
}

// b in panels [depth][NR] of the columns of rows that lie anywhere.
static void pack_gathered_columns(const operand *const *source, int64_t terms, int64_t columns, word *b) {
    for (int64_t j = 0; j < columns; j += NR) {
        word *end = b + depth_of(terms) * NR;
        for (int64_t k = 0; k < terms; k += PER_WORD, b += NR) {
            vec_store(b, words_across(source + k, j, terms - k, columns - j));
            vec_store(b + LANES, words_across(source + k, j + LANES, terms - k, columns - j - LANES));
        }
        for (; b < end; b += LANES) vec_store(b, vec_all(0));
    }
}

// The same of a row-major matrix [terms, columns].
static void pack_columns(const operand *source, int64_t stride, int64_t terms, int64_t columns, word *b) {
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

// b in panels [depth][NR] of the transpose of a row-major matrix [columns, terms].
static void pack_transposed(const operand *source, int64_t stride, int64_t terms, int64_t columns, word *b) {
    int64_t depth = depth_of(terms), quads = terms / (4 * PER_WORD);
    for (int64_t j = 0; j < round_up(columns, NR); j += LANES) {
        word *panel = b + j / NR * NR * depth + j % NR;
        int64_t present = columns - j < LANES ? columns - j : LANES, k = 0;
        if (present == LANES)
            for (; k < 4 * quads; k += 4)
                transpose_four(source + j * stride + k * PER_WORD, stride, panel + k * NR, NR);
        for (; k < depth; k++)
            for (int64_t c = 0; c < LANES; c++)
                panel[k * NR + c] =
                    c < present && k * PER_WORD < terms
                        ? one_word(source + (j + c) * stride + k * PER_WORD, terms - k * PER_WORD)
                        : 0;
    }
}
