// What the fast forward and backward share: sizes, packed operands, and the scores of a strip of queries.
//
// Packed by rows: [rows, padded] with zeros behind d_h. Packed by columns: the transpose, in the column tiles that
// strip_product reads, so that a row of scores runs along the lanes.
#pragma once

#include "kernels/relative_attention/relative_attention.h"
#include "kernels/relative_attention/tile_product.h"

#include <string.h>

// Keys are taken in chunks; a row of scores has zeros or garbage on both sides of its chunk, because the relative shift
// (position = key - query + Q - 1) makes a strip of position products a parallelogram.
enum { CHUNK = 7 * 48, SCORES_STEP = LANES + CHUNK + TILE_COLUMNS };

typedef struct attention_sizes {
    int64_t queries, memory, keys, width;
    int64_t padded;        // d_h, rounded up to vectors
    int64_t position_step; // of one channel's positions, packed by columns
} attention_sizes;

static inline int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}
static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static attention_sizes sizes_of(const attention_call *call) {
    int64_t keys = call->memory + call->queries;
    // An odd number of cache lines: channels do not share a cache set.
    int64_t step = round_up(LANES + keys + TILE_ROWS + TILE_COLUMNS, 16);
    if (step / 16 % 2 == 0) step += 16;
    return (attention_sizes){.queries = call->queries,
        .memory = call->memory,
        .keys = keys,
        .width = call->head_width,
        .padded = round_up(call->head_width, LANES),
        .position_step = step};
}

// The rows of one head lie a whole row of all heads apart, which the processor does not foresee.
enum { ROWS_AHEAD = 16 };
static inline void prefetch_row(const float *row, int64_t width) {
    for (int64_t c = 0; c < width; c += 16) __builtin_prefetch(row + c);
    __builtin_prefetch(row + width - 1);
}

static inline void prefetch_row_to_write(float *row, int64_t width) {
    for (int64_t c = 0; c < width; c += 16) __builtin_prefetch(row + c, 1);
    __builtin_prefetch(row + width - 1, 1);
}

// One head of one sequence: `rows` rows of m belong to each sequence.
static matrix head_part(matrix m, int64_t sequence, int64_t rows, int64_t head, int64_t width) {
    return matrix_part(m, sequence * rows, rows, head * width, width);
}

// to [rows, padded] = from, plus a bias [cols] in every row; NULL for none.
static void pack_rows(float *to, matrix from, const float *bias) {
    int64_t whole = from.cols / LANES * LANES, rest = from.cols - whole, padded = round_up(from.cols, LANES);
    const float *row = matrix_real(from);
    for (int64_t i = 0; i < from.rows; i++, to += padded, row += from.stride) {
        if (i + ROWS_AHEAD < from.rows) prefetch_row(row + ROWS_AHEAD * from.stride, from.cols);
        for (int64_t c = 0; c < whole; c += LANES) {
            vec x = vec_load(row + c);
            if (bias) x += vec_load(bias + c);
            vec_store(to + c, x);
        }
        if (rest) {
            vec x = vec_load_part(row + whole, rest);
            if (bias) x += vec_load_part(bias + whole, rest);
            vec_store(to + whole, x);
        }
    }
}

// to = factor * packed [rows, padded]
static void unpack_rows(matrix to, const float *packed, float factor) {
    int64_t whole = to.cols / LANES * LANES, rest = to.cols - whole, padded = round_up(to.cols, LANES);
    float *row = matrix_real(to);
    for (int64_t i = 0; i < to.rows; i++, row += to.stride, packed += padded) {
        if (i + ROWS_AHEAD < to.rows) prefetch_row_to_write(row + ROWS_AHEAD * to.stride, to.cols);
        for (int64_t c = 0; c < whole; c += LANES) vec_store(row + c, vec_load(packed + c) * vec_all(factor));
        if (rest) vec_store_part(row + whole, rest, vec_load(packed + whole) * vec_all(factor));
    }
}

static inline void transpose_8x8(__m256 x[8]) {
    __m256 pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int half = 0; half < 2; half++) {
            fours[i + 2 * half] = _mm256_shuffle_ps(pairs[i + half], pairs[i + half + 2], 0x44);
            fours[i + 2 * half + 1] = _mm256_shuffle_ps(pairs[i + half], pairs[i + half + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
    }
}

// Element (row j, channel c) to tile j / TILE_COLUMNS at c * step; rows up to the next multiple of 8 become 0.
static void pack_columns(float *to, int64_t step, int64_t tile_step, matrix from) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const float *rows = matrix_real(from);
    for (int64_t j = 0; j < from.rows; j += 8) {
        float *tile = to + j / TILE_COLUMNS * tile_step + j % TILE_COLUMNS;
        for (int64_t i = j + ROWS_AHEAD; i < least(j + ROWS_AHEAD + 8, from.rows); i++)
            prefetch_row(rows + i * from.stride, from.cols);
        for (int64_t c = 0; c < from.cols; c += 8) {
            int64_t channels = least(from.cols - c, 8);
            __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)channels), lane);
            __m256 block[8];
            for (int64_t i = 0; i < 8; i++)
                block[i] = j + i < from.rows ? _mm256_maskload_ps(rows + (j + i) * from.stride + c, mask)
                                             : _mm256_setzero_ps();
            transpose_8x8(block);
            for (int64_t i = 0; i < channels; i++) _mm256_storeu_ps(tile + (c + i) * step, block[i]);
        }
    }
}

static int64_t packed_columns_count(int64_t rows, int64_t width) {
    return round_up(rows, TILE_COLUMNS) * width;
}

// to [tiles, d_h, TILE_COLUMNS], the last tile filled up with zeros.
static void pack_column_tiles(float *to, matrix from) {
    int64_t tile = from.cols * TILE_COLUMNS, whole = from.rows / TILE_COLUMNS * tile;
    memset(to + whole, 0, (size_t)(packed_columns_count(from.rows, from.cols) - whole) * sizeof *to);
    pack_columns(to, TILE_COLUMNS, tile, from);
}

static inline int64_t vectors_of(int64_t columns) {
    return (columns + LANES - 1) / LANES;
}

// The position that key j has for the last query of the strip that begins at query i.
static inline int64_t first_position(const attention_sizes *sizes, int64_t i, int64_t j) {
    return j - (i + TILE_ROWS - 1) + sizes->queries - 1;
}

// What a row of scores is multiplied by along its keys; rows of the left operands are `padded` apart.
typedef struct strip_operands {
    const float *content, *position; // (q + u), (q + v): [TILE_ROWS, padded]
    const float *keys;               // packed in column tiles
    const float *positions;          // packed by columns, position_step apart, LANES zeros in front
} strip_operands;

// scores [TILE_ROWS, n] of the queries from i and the keys from j (a multiple of CHUNK), before the scale. Each row begins
// LANES behind its start; what surrounds the n scores is overwritten with garbage.
static void strip_scores(const attention_sizes *sizes, const strip_operands *operands, int64_t i, int64_t j,
    int64_t n, float *scores) {
    // Row r's product with position p belongs to key p + r (up to a constant): stored SCORES_STEP + 1 apart, keys align.
    product_set(&(strip_product){.left = operands->position,
        .left_step = sizes->padded,
        .right = operands->positions + LANES + first_position(sizes, i, j),
        .right_step = sizes->position_step,
        .right_tile_step = TILE_COLUMNS,
        .depth = sizes->width,
        .c = scores + LANES - (TILE_ROWS - 1),
        .c_step = SCORES_STEP + 1,
        .vectors = vectors_of(n + TILE_ROWS - 1)});
    product_add(&(strip_product){.left = operands->content,
        .left_step = sizes->padded,
        .right = operands->keys + j * sizes->width,
        .right_step = TILE_COLUMNS,
        .right_tile_step = TILE_COLUMNS * sizes->width,
        .depth = sizes->width,
        .c = scores + LANES,
        .c_step = SCORES_STEP,
        .vectors = vectors_of(n)});
}

// The positions of every head, packed once for all sequences: [H, d_h, position_step].
typedef struct position_packing {
    const attention_call *call;
    attention_sizes sizes;
    float *columns;
    float *rows; // [H, TILE_ROWS + T + TILE_ROWS, padded], zeros on both sides; NULL where not needed
} position_packing;

static int64_t position_rows_count(const attention_sizes *sizes) {
    return (sizes->keys + 2 * TILE_ROWS) * sizes->padded;
}

static void pack_positions_of_head(void *context, int64_t head, int thread) {
    (void)thread;
    const position_packing *packing = context;
    const attention_sizes *sizes = &packing->sizes;
    matrix from = head_part(packing->call->positions, 0, sizes->keys, head, sizes->width);
    float *columns = packing->columns + head * sizes->width * sizes->position_step;
    memset(columns, 0, (size_t)(sizes->width * sizes->position_step) * sizeof *columns);
    pack_columns(columns + LANES, sizes->position_step, TILE_COLUMNS, from);
    if (!packing->rows) return;
    float *rows = packing->rows + head * position_rows_count(sizes);
    memset(rows, 0, (size_t)position_rows_count(sizes) * sizeof *rows);
    pack_rows(rows + TILE_ROWS * sizes->padded, from, NULL);
}
