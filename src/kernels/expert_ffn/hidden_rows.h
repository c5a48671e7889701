// Rows of hidden channels as operands of the second matrix: packed with their factors applied. Included after operands and
// micro-kernels.
#pragma once

#include "kernels/packed/pack.h"

// weight · hidden (⊙ mask)
typedef struct hidden_row {
    const operand *hidden;
    const float *mask; // may be NULL
    float weight;
} hidden_row;

static inline vec weighted_hidden(const hidden_row *row, int64_t k, int64_t channels) {
    vec h = vec_all(row->weight) * load_operands(row->hidden + k, channels - k);
    if (row->mask) h *= load_row_end(row->mask + k, channels - k);
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

// As pack_steps, of columns [column, column + columns) of `channels`.
static void pack_hidden_steps(
    const hidden_row *source, int64_t steps, int64_t column, int64_t columns, int64_t channels, word *a) {
    int64_t panels = (columns + MR - 1) / MR;
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        int64_t first = column + even_cut(columns, panels, p), k = 0;
        for (int64_t s = 0; s < steps; s += PER_WORD, k++)
            for (int v = 0; v < PANEL_VECTORS; v++) {
                vec x[PER_WORD];
                for (int i = 0; i < PER_WORD; i++)
                    x[i] = s + i < steps ? weighted_hidden(&source[s + i], first + v * LANES, channels)
                                         : vec_all(0);
                vec_store(step_vector(a, k, v), words_across_computed(x));
            }
        clear_steps(a, k, depth_of(steps));
        finish_steps(a, depth_of(steps));
    }
}

// As pack_gathered_columns, of columns [column, column + columns) of `channels`.
static void pack_hidden_columns(
    const hidden_row *source, int64_t steps, int64_t column, int64_t columns, int64_t channels, word *b) {
    int64_t last = column + columns;
    for (int64_t j = column; j < last; j += NR) {
        word *end = b + depth_of(steps) * NR;
        for (int64_t s = 0; s < steps; s += PER_WORD)
            for (int v = 0; v < NR / LANES; v++, b += LANES) {
                vec x[PER_WORD];
                for (int i = 0; i < PER_WORD; i++)
                    x[i] =
                        s + i < steps ? weighted_hidden(&source[s + i], j + v * LANES, channels) : vec_all(0);
                vec_store(b, words_across_computed(x));
            }
        for (; b < end; b += LANES) vec_store(b, vec_all(0));
    }
}
