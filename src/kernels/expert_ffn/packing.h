// Packing of operands for tiles.h. Everything is zero-padded: columns of b to COLS, steps of a to LANES.
#pragma once

#include "kernels/expert_ffn/tiles.h"
#include "kernels/expert_ffn/transpose.h"

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
    for (int64_t r = 0; r < rows; r++) {
        float *target = a + r * LANES;
        int64_t k = 0;
        for (; k + LANES <= depth; k += LANES, target += rows * LANES)
            vec_store(target, vec_load(source[r] + k));
        if (k < depth) vec_store(target, vec_load_part(source[r] + k, depth - k));
    }
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

// The length of a panel of a by step: whole chunks.
static inline int64_t step_panel(int64_t steps) {
    return padded(steps, LANES) * LANES;
}

// a by step: source[s] is step s, its columns the rows of the product, cut evenly into panels [steps][LANES] of at most ROWS.
// Lanes beyond a panel's rows hold what follows in the source; no tile reads them.
static void pack_steps(const float *const *source, int64_t steps, int64_t columns, float *a) {
    int64_t panels = (columns + ROWS - 1) / ROWS;
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        int64_t first = even_cut(columns, panels, p), rest = columns - first;
        if (rest >= LANES)
            for (int64_t s = 0; s < steps; s++) vec_store(a + s * LANES, vec_load(source[s] + first));
        else
            for (int64_t s = 0; s < steps; s++)
                vec_store(a + s * LANES, vec_load_part(source[s] + first, rest));
    }
}

static void pack_hidden_steps(const hidden_row *source, int64_t steps, int64_t columns, float *a) {
    int64_t panels = (columns + ROWS - 1) / ROWS;
    for (int64_t p = 0; p < panels; p++, a += step_panel(steps)) {
        int64_t first = even_cut(columns, panels, p);
        for (int64_t s = 0; s < steps; s++)
            vec_store(a + s * LANES, weighted_hidden(&source[s], first, columns));
    }
}

// Two vectors, of which `present` columns exist.
static inline void copy_columns(const float *source, int64_t present, float *b) {
    vec_store(b, load_existing(source, present));
    vec_store(b + LANES, load_existing(source + LANES, present - LANES));
}

// b in panels [depth][COLS] of the columns of a row-major matrix [depth, columns].
static void pack_columns(const float *source, int64_t stride, int64_t depth, int64_t columns, float *b) {
    for (int64_t j = 0; j < columns; j += COLS)
        for (int64_t k = 0; k < depth; k++, b += COLS) copy_columns(source + k * stride + j, columns - j, b);
}

// The same of rows that lie anywhere.
static void pack_gathered_columns(const float *const *source, int64_t depth, int64_t columns, float *b) {
    for (int64_t j = 0; j < columns; j += COLS)
        for (int64_t k = 0; k < depth; k++, b += COLS) copy_columns(source[k] + j, columns - j, b);
}

// b in panels [depth][COLS] of the transpose of a row-major matrix [columns, depth].
static void pack_transposed(const float *source, int64_t depth, int64_t columns, float *b) {
    int64_t whole = depth / 4 * 4;
    for (int64_t j = 0; j < padded(columns, COLS); j += LANES) {
        float *panel = b + j / COLS * COLS * depth + j % COLS;
        int64_t present = columns - j < LANES ? columns - j : LANES, k = 0;
        if (present == LANES)
            for (; k < whole; k += 4) transpose_four(source + j * depth + k, depth, panel + k * COLS, COLS);
        for (; k < depth; k++)
            for (int64_t c = 0; c < LANES; c++)
                panel[k * COLS + c] = c < present ? source[(j + c) * depth + k] : 0;
    }
}
