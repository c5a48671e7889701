// Packing of operands for tiles. Included after a header of words and one of tiles. Everything is zero-padded: columns of b to
// COLS, depth to DEPTH_STEP, steps of a by row to LANES.
#pragma once

#include "kernels/expert_ffn/transpose.h"

static inline int64_t padded(int64_t n, int64_t step) {
    return (n + step - 1) / step * step;
}

// Where piece `i` of `pieces` begins when [0, total) is cut as evenly as integers allow.
static inline int64_t even_cut(int64_t total, int64_t pieces, int64_t i) {
    return total * i / pieces;
}

// The depth of a tile whose sums have `terms` terms.
static inline int64_t depth_of(int64_t terms) {
    return padded((terms + PER_WORD - 1) / PER_WORD, DEPTH_STEP);
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

// A row of hidden channels with the factors that the second matrix sees: weight · hidden (⊙ mask).
typedef struct hidden_row {
    const operand *hidden;
    const float *mask; // may be NULL
    float weight;
} hidden_row;

static inline vec weighted_hidden(const hidden_row *row, int64_t k, int64_t channels) {
    vec h = vec_all(row->weight) * load_operands(row->hidden + k, channels - k);
    if (row->mask) h *= load_existing(row->mask + k, channels - k);
    return h;
}

static void pack_hidden_rows(const hidden_row *source, int64_t rows, int64_t channels, word *a) {
    for (int64_t k = 0; k < channels; k += PER_WORD * LANES)
        for (int64_t r = 0; r < rows; r++, a += LANES) {
            vec x[PER_WORD];
            for (int i = 0; i < PER_WORD; i++) x[i] = weighted_hidden(&source[r], k + i * LANES, channels);
            vec_store(a, words_along_computed(x));
        }
}

// The length of a panel of a by step: whole chunks.
static inline int64_t step_panel(int64_t steps) {
    return padded(depth_of(steps), LANES) * STEP_VECTORS * LANES;
}

// Vector `v` of a step of depth; chunks are [STEP_VECTORS][LANES][LANES].
static inline word *step_vector(word *a, int64_t step, int v) {
    return a + ((step / LANES * STEP_VECTORS + v) * LANES + step % LANES) * LANES;
}

static void clear_steps(word *a, int64_t first, int64_t depth) {
    for (int64_t k = first; k < depth; k++)
        for (int v = 0; v < STEP_VECTORS; v++) vec_store(step_vector(a, k, v), vec_all(0));
}

// a by step: source[s] is term s, its columns the rows of the product, cut evenly into panels of at most ROWS. Lanes beyond a
// panel's rows hold what follows in the source; what tiles make of them is not used.
static void pack_steps(const operand *const *source, int64_t steps, int64_t columns, word *a) {
    int64_t panels = (columns + ROWS - 1) / ROWS;
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        int64_t first = even_cut(columns, panels, p), k = 0;
        for (int64_t s = 0; s < steps; s += PER_WORD, k++)
            for (int v = 0; v < STEP_VECTORS; v++) {
                int64_t column = first + v * LANES;
                vec_store(
                    step_vector(a, k, v), words_across(source + s, column, steps - s, columns - column));
            }
        clear_steps(a, k, depth_of(steps));
        finish_steps(a, depth_of(steps));
    }
}

static void pack_hidden_steps(const hidden_row *source, int64_t steps, int64_t columns, word *a) {
    int64_t panels = (columns + ROWS - 1) / ROWS;
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        int64_t first = even_cut(columns, panels, p), k = 0;
        for (int64_t s = 0; s < steps; s += PER_WORD, k++)
            for (int v = 0; v < STEP_VECTORS; v++) {
                vec x[PER_WORD];
                for (int i = 0; i < PER_WORD; i++)
                    x[i] = s + i < steps ? weighted_hidden(&source[s + i], first + v * LANES, columns)
                                         : vec_all(0);
                vec_store(step_vector(a, k, v), words_across_computed(x));
            }
        clear_steps(a, k, depth_of(steps));
        finish_steps(a, depth_of(steps));
    }
}

// b in panels [depth][COLS] of the columns of rows that lie anywhere.
static void pack_gathered_columns(const operand *const *source, int64_t terms, int64_t columns, word *b) {
    for (int64_t j = 0; j < columns; j += COLS) {
        word *end = b + depth_of(terms) * COLS;
        for (int64_t k = 0; k < terms; k += PER_WORD, b += COLS) {
            vec_store(b, words_across(source + k, j, terms - k, columns - j));
            vec_store(b + LANES, words_across(source + k, j + LANES, terms - k, columns - j - LANES));
        }
        for (; b < end; b += LANES) vec_store(b, vec_all(0));
    }
}

// The same of a row-major matrix [terms, columns].
static void pack_columns(const operand *source, int64_t stride, int64_t terms, int64_t columns, word *b) {
    for (int64_t j = 0; j < columns; j += COLS) {
        word *end = b + depth_of(terms) * COLS;
        for (int64_t k = 0; k < terms; k += PER_WORD, b += COLS) {
            const operand *rows[PER_WORD];
            for (int i = 0; i < PER_WORD; i++) rows[i] = source + (k + i) * stride;
            vec_store(b, words_across(rows, j, terms - k, columns - j));
            vec_store(b + LANES, words_across(rows, j + LANES, terms - k, columns - j - LANES));
        }
        for (; b < end; b += LANES) vec_store(b, vec_all(0));
    }
}

// b in panels [depth][COLS] of the transpose of a row-major matrix [columns, terms].
static void pack_transposed(const operand *source, int64_t terms, int64_t columns, word *b) {
    int64_t depth = depth_of(terms), quads = terms / (4 * PER_WORD);
    for (int64_t j = 0; j < padded(columns, COLS); j += LANES) {
        word *panel = b + j / COLS * COLS * depth + j % COLS;
        int64_t present = columns - j < LANES ? columns - j : LANES, k = 0;
        if (present == LANES)
            for (; k < 4 * quads; k += 4)
                transpose_four(source + j * terms + k * PER_WORD, terms, panel + k * COLS, COLS);
        for (; k < depth; k++)
            for (int64_t c = 0; c < LANES; c++)
                panel[k * COLS + c] =
                    c < present && k * PER_WORD < terms
                        ? one_word(source + (j + c) * terms + k * PER_WORD, terms - k * PER_WORD)
                        : 0;
    }
}
