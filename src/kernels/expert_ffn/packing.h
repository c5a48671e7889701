// Packing of operands for tiles.h. Everything is zero-padded: columns of b to COLS, steps of a to LANES.
#pragma once

#include "kernels/expert_ffn/tiles.h"

static inline int64_t padded(int64_t n, int64_t step) {
    return (n + step - 1) / step * step;
}

// Where piece `i` of `pieces` begins when [0, total) is cut as evenly as integers allow.
static inline int64_t even_cut(int64_t total, int64_t pieces, int64_t i) {
    return total * i / pieces;
}

// Elements [0, LANES) of p, of which n exist (n may be 0 or beyond LANES); 0 for the others.
static inline vec load_existing(const float *p, int64_t n) {
    if (n >= LANES) return vec_load(p);
    return n > 0 ? vec_load_part(p, n) : vec_all(0);
}

static inline void store_existing(float *p, int64_t n, vec x) {
    if (n >= LANES)
        vec_store(p, x);
    else if (n > 0)
        vec_store_part(p, n, x);
}

// a by row, [depth / LANES][rows][LANES], from rows that lie anywhere.
static void pack_rows(const float *const *source, int64_t rows, int64_t depth, float *a) {
    for (int64_t k = 0; k < depth; k += LANES)
        for (int64_t r = 0; r < rows; r++, a += LANES) vec_store(a, load_existing(source[r] + k, depth - k));
}

// A row of hidden channels with the factors that the second matrix sees: weight · hidden (⊙ mask).
typedef struct hidden_row {
    const float *hidden, *mask; // mask may be NULL
    float weight;
} hidden_row;

static inline vec weighted_hidden(const hidden_row *row, int64_t k, int64_t depth) {
    vec h = vec_all(row->weight) * load_existing(row->hidden + k, depth - k);
    if (row->mask) h *= load_existing(row->mask + k, depth - k);
    return h;
}

static void pack_hidden_rows(const hidden_row *source, int64_t rows, int64_t depth, float *a) {
    for (int64_t k = 0; k < depth; k += LANES)
        for (int64_t r = 0; r < rows; r++, a += LANES) vec_store(a, weighted_hidden(&source[r], k, depth));
}

// The distance between panels of a by step: `steps` times LANES, whole chunks.
static inline int64_t step_panel(int64_t steps) {
    return padded(steps, LANES) * LANES;
}

// a by step: source[s] is step s, its columns the rows of the product, cut evenly into panels [steps][LANES] of at most ROWS.
// Lanes beyond a panel's rows hold what follows in the source; no tile reads them.
static void pack_steps(const float *const *source, int64_t steps, int64_t columns, float *a) {
    int64_t panels = (columns + ROWS - 1) / ROWS, distance = step_panel(steps);
    for (int64_t s = 0; s < steps; s++)
        for (int64_t p = 0; p < panels; p++) {
            int64_t first = even_cut(columns, panels, p);
            vec_store(a + p * distance + s * LANES, load_existing(source[s] + first, columns - first));
        }
}

static void pack_hidden_steps(const hidden_row *source, int64_t steps, int64_t columns, float *a) {
    int64_t panels = (columns + ROWS - 1) / ROWS, distance = step_panel(steps);
    for (int64_t s = 0; s < steps; s++)
        for (int64_t p = 0; p < panels; p++) {
            int64_t first = even_cut(columns, panels, p);
            vec_store(a + p * distance + s * LANES, weighted_hidden(&source[s], first, columns));
        }
}

static inline void pack_step_columns(const float *source, int64_t depth, int64_t columns, float *b) {
    for (int64_t j = 0; j < columns; j += COLS, b += depth * COLS) {
        vec_store(b, load_existing(source + j, columns - j));
        vec_store(b + LANES, load_existing(source + j + LANES, columns - j - LANES));
    }
}

// b in panels [depth][COLS] of the columns of a row-major matrix [depth, columns].
static void pack_columns(const float *source, int64_t stride, int64_t depth, int64_t columns, float *b) {
    for (int64_t k = 0; k < depth; k++) pack_step_columns(source + k * stride, depth, columns, b + k * COLS);
}

// The same of rows that lie anywhere.
static void pack_gathered_columns(const float *const *source, int64_t depth, int64_t columns, float *b) {
    for (int64_t k = 0; k < depth; k++) pack_step_columns(source[k], depth, columns, b + k * COLS);
}

// b in panels [depth][COLS] of the transpose of a row-major matrix [columns, depth].
static void pack_transposed(const float *source, int64_t depth, int64_t columns, float *b) {
    for (int64_t j = 0; j < columns; j += COLS, b += depth * COLS) {
        int64_t present = columns - j < COLS ? columns - j : COLS;
        for (int64_t first = 0; first < depth; first += LANES) {
            int64_t end = first + LANES < depth ? first + LANES : depth;
            for (int64_t c = 0; c < present; c++)
                for (int64_t k = first; k < end; k++) b[k * COLS + c] = source[(j + c) * depth + k];
            for (int64_t c = present; c < COLS; c++)
                for (int64_t k = first; k < end; k++) b[k * COLS + c] = 0;
        }
    }
}
