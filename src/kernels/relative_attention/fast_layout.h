// Shared by the fast forward and backward: sizes, packed operands, and the scores of a strip of queries.
//
// Packed by rows: [rows, padded] with zeros beyond d_h, the left operand of a product whose depth is the channels. Packed by
// words: the same, but interleaved PER_WORD rows at a time: the right operand, with the rows as depth. Packed by columns: the
// transpose in words of channels, in the column tiles that strip_product reads, so that a row of scores runs along the lanes.
#pragma once

#include "kernels/packed/transpose.h"
#include "kernels/relative_attention/relative_attention.h"
#include "kernels/relative_attention/strips.h"
#include "kernels/vector_math.h"

#include <string.h>

// Keys are processed in chunks; a row of scores has zeros or garbage on both sides of its chunk, because the relative shift
// (position = key - query + Q - 1) makes a strip of position products a parallelogram.
enum { CHUNK = 7 * 48, SCORES_STEP = LANES + CHUNK + TILE_COLUMNS };

typedef struct attention_sizes {
    int64_t queries, memory, keys, width;
    int64_t padded;         // d_h, rounded up to vectors
    int64_t channels;       // d_h, rounded up to words
    int64_t position_step;  // distance of channel words, in positions packed by columns
    int64_t position_front; // zero rows before the positions packed by words
} attention_sizes;

static attention_sizes sizes_of(const attention_call *call) {
    int64_t keys = call->memory + call->queries;
    // An odd number of cache lines, so that channels do not map to the same cache set.
    int64_t step = round_up(LANES + keys + TILE_ROWS + TILE_COLUMNS, 16);
    if (step / 16 % 2 == 0) step += 16;
    return (attention_sizes){.queries = call->queries,
        .memory = call->memory,
        .keys = keys,
        .width = call->head_width,
        .padded = round_up(call->head_width, LANES),
        .channels = round_up(call->head_width, PER_WORD),
        .position_step = step * PER_WORD,
        // The strips' first positions (first_position) then start at a word.
        .position_front = TILE_ROWS + call->queries % PER_WORD};
}

static inline int64_t words_of(int64_t depth) {
    return (depth + PER_WORD - 1) / PER_WORD;
}

// Rows of one head are a whole row of all heads apart, a stride that the hardware prefetcher does not follow.
enum { ROWS_AHEAD = 16 };
static inline void prefetch_row(const char *row, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at);
    __builtin_prefetch(row + bytes - 1);
}

static inline void prefetch_row_to_write(char *row, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at, 1);
    __builtin_prefetch(row + bytes - 1, 1);
}

// One head of one sequence; each sequence has `rows` rows of m.
static matrix head_part(matrix m, int64_t sequence, int64_t rows, int64_t head, int64_t width) {
    return matrix_part(m, sequence * rows, rows, head * width, width);
}

static inline int64_t stored_size(dtype type) {
    return type == TYPE_BF16 ? (int64_t)sizeof(bf16) : (int64_t)sizeof(float);
}

// Elements of a stored row.
static inline vec load_stored(const void *row, dtype type, int64_t c) {
    return type == TYPE_BF16 ? vec_load_bf16((const bf16 *)row + c) : vec_load((const float *)row + c);
}
static inline vec load_stored_part(const void *row, dtype type, int64_t c, int64_t n) {
    return type == TYPE_BF16 ? vec_load_part_bf16((const bf16 *)row + c, n)
                             : vec_load_part((const float *)row + c, n);
}

// 8 words of a stored row that has `channels` left, at least one; zeros beyond them. If a word is one operand, bf16 is widened;
// if it is a pair, the operands are used as stored.
static inline __m256 eight_words(const void *row, dtype type, int64_t channels) {
    int64_t n = least(channels, 8 * PER_WORD);
    if (PER_WORD > 1 || type == TYPE_REAL) return vec_first_eight(words_along(row, n));
    return vec_first_eight(n == LANES ? load_stored(row, type, 0) : load_stored_part(row, type, 0, n));
}

static inline __attribute__((always_inline)) void pack_rows_of(
    operand *to, matrix from, const float *bias, dtype type) {
    int64_t whole = from.cols / LANES * LANES, rest = from.cols - whole, padded = round_up(from.cols, LANES);
    int64_t size = stored_size(type), step = from.stride * size;
    const char *row = from.data;
    for (int64_t i = 0; i < from.rows; i++, to += padded, row += step) {
        if (i + ROWS_AHEAD < from.rows) prefetch_row(row + ROWS_AHEAD * step, from.cols * size);
        for (int64_t c = 0; c < whole; c += LANES) {
            vec x = load_stored(row, type, c);
            if (bias) x += vec_load(bias + c);
            store_operands(to + c, LANES, x);
        }
        if (rest) {
            vec x = load_stored_part(row, type, whole, rest);
            if (bias) x += vec_load_part(bias + whole, rest);
            store_operands(to + whole, LANES, x);
        }
    }
}

// to [rows, padded] = from, plus a bias [cols] in every row (NULL: none).
static void pack_rows(operand *to, matrix from, const float *bias) {
    if (from.type == TYPE_BF16)
        pack_rows_of(to, from, bias, TYPE_BF16);
    else
        pack_rows_of(to, from, bias, TYPE_REAL);
}

static inline __attribute__((always_inline)) void unpack_rows_as(
    matrix to, const float *packed, float factor, dtype type) {
    int64_t whole = to.cols / LANES * LANES, rest = to.cols - whole, padded = round_up(to.cols, LANES);
    int64_t size = stored_size(type), step = to.stride * size;
    char *row = to.data;
    for (int64_t i = 0; i < to.rows; i++, packed += padded, row += step) {
        if (i + ROWS_AHEAD < to.rows) prefetch_row_to_write(row + ROWS_AHEAD * step, to.cols * size);
        for (int64_t c = 0; c < to.cols; c += LANES) {
            vec x = vec_load(packed + c) * vec_all(factor);
            if (type == TYPE_BF16 && c < whole)
                vec_store_bf16((bf16 *)row + c, x);
            else if (type == TYPE_BF16)
                vec_store_part_bf16((bf16 *)row + c, rest, x);
            else if (c < whole)
                vec_store((float *)row + c, x);
            else
                vec_store_part((float *)row + c, rest, x);
        }
    }
}

// to = factor * packed [rows, padded]
static void unpack_rows(matrix to, const float *packed, float factor) {
    if (to.type == TYPE_BF16)
        unpack_rows_as(to, packed, factor, TYPE_BF16);
    else
        unpack_rows_as(to, packed, factor, TYPE_REAL);
}

// Stores word c of row j in tile j / TILE_COLUMNS at c * step; rows up to the next multiple of 8 become 0.
static inline __attribute__((always_inline)) void pack_columns_of(
    operand *to, int64_t step, int64_t tile_step, matrix from, dtype type) {
    int64_t size = stored_size(type), row_step = from.stride * size;
    const char *rows = from.data;
    for (int64_t j = 0; j < from.rows; j += 8) {
        operand *tile = to + j / TILE_COLUMNS * tile_step + j % TILE_COLUMNS * PER_WORD;
        for (int64_t i = j + ROWS_AHEAD; i < least(j + ROWS_AHEAD + 8, from.rows); i++)
            prefetch_row(rows + i * row_step, from.cols * size);
        for (int64_t c = 0; c < from.cols; c += 8 * PER_WORD) {
            int64_t channels = from.cols - c, present = least(words_of(channels), 8);
            __m256 block[8];
            for (int64_t i = 0; i < 8; i++)
                block[i] = j + i < from.rows
                               ? eight_words(rows + (j + i) * row_step + c * size, type, channels)
                               : _mm256_setzero_ps();
            transpose_8x8(block);
            for (int64_t i = 0; i < present; i++)
                _mm256_storeu_ps((void *)(tile + (c / PER_WORD + i) * step), block[i]);
        }
    }
}

static void pack_columns(operand *to, int64_t step, int64_t tile_step, matrix from) {
    if (from.type == TYPE_BF16)
        pack_columns_of(to, step, tile_step, from, TYPE_BF16);
    else
        pack_columns_of(to, step, tile_step, from, TYPE_REAL);
}

static int64_t packed_columns_count(int64_t rows, const attention_sizes *sizes) {
    return round_up(rows, TILE_COLUMNS) * sizes->channels;
}

// to [tiles, words of d_h, TILE_COLUMNS] words; the last tile is padded with zeros.
static void pack_column_tiles(operand *to, matrix from, const attention_sizes *sizes) {
    int64_t tile = sizes->channels * TILE_COLUMNS, whole = from.rows / TILE_COLUMNS * tile;
    memset(to + whole, 0, (size_t)(packed_columns_count(from.rows, sizes) - whole) * sizeof *to);
    pack_columns(to, TILE_WORDS, tile, from);
}

// If a word is one operand, rows packed by words are the rows themselves; otherwise allocates `count` operands for them.
static sigmoe_status take_words(arena *a, operand *rows, int64_t count, operand **grouped) {
    *grouped = rows;
    return PER_WORD == 1 ? SIGMOE_OK : ARENA_NEW_RAW(a, *grouped, count);
}

// LANES words: word i is element i of the row and, if a word is a pair, of the next one.
static inline void words_of_rows(operand *to, const operand *row, const operand *next) {
    const operand *rows[] = {row, next};
    vec_store((void *)to, words_across(rows, 0, PER_WORD, LANES));
}

// grouped = rows [count, padded] packed by words, zeros after an odd last row; both have room for an even number of rows.
static void group_rows(operand *grouped, operand *rows, int64_t count, int64_t padded) {
    if (PER_WORD == 1) return;
    if (count % PER_WORD) memset(rows + count * padded, 0, (size_t)padded * sizeof *rows);
    for (int64_t i = 0; i < count; i += PER_WORD)
        for (int64_t c = 0; c < padded; c += LANES)
            words_of_rows(
                grouped + i * padded + c * PER_WORD, rows + i * padded + c, rows + (i + 1) * padded + c);
}

// Packed rows as a matrix, to be packed again.
static matrix packed_matrix(operand *rows, int64_t count, const attention_sizes *sizes) {
    return (matrix){rows, PER_WORD == 1 ? TYPE_REAL : TYPE_BF16, count, sizes->width, sizes->padded, NULL};
}

static inline int64_t vectors_of(int64_t columns) {
    return (columns + LANES - 1) / LANES;
}

// The position of key j for the last query of the strip that starts at query i.
static inline int64_t first_position(const attention_sizes *sizes, int64_t i, int64_t j) {
    return j - (i + TILE_ROWS - 1) + sizes->queries - 1;
}

// The operands of a strip of scores; rows of the left operands are `padded` apart.
typedef struct strip_operands {
    const operand *content, *position; // (q + u), (q + v): [TILE_ROWS, padded]
    const operand *keys;               // packed in column tiles
    const operand *positions;          // packed by columns, position_step apart, LANES zeros in front
} strip_operands;

// scores [TILE_ROWS, n] of the queries from i and the keys from j (a multiple of CHUNK), before the scale. Each row starts
// LANES after its start in memory; the surroundings of the n scores are overwritten with garbage.
static void strip_scores(const attention_sizes *sizes, const strip_operands *operands, int64_t i, int64_t j,
    int64_t n, float *scores) {
    // Row r's product with position p belongs to key p + r (up to a constant): stored SCORES_STEP + 1 apart, the keys align.
    product_set(&(strip_product){.left = operands->position,
        .left_step = sizes->padded,
        .right = operands->positions + (LANES + first_position(sizes, i, j)) * PER_WORD,
        .right_step = sizes->position_step,
        .right_tile_step = TILE_WORDS,
        .words = words_of(sizes->width),
        .c = scores + LANES - (TILE_ROWS - 1),
        .c_step = SCORES_STEP + 1,
        .vectors = vectors_of(n + TILE_ROWS - 1)});
    product_add(&(strip_product){.left = operands->content,
        .left_step = sizes->padded,
        .right = operands->keys + j * sizes->channels,
        .right_step = TILE_WORDS,
        .right_tile_step = TILE_COLUMNS * sizes->channels,
        .words = words_of(sizes->width),
        .c = scores + LANES,
        .c_step = SCORES_STEP,
        .vectors = vectors_of(n)});
}

// The positions of every head, packed once for all sequences.
typedef struct position_packing {
    const attention_call *call;
    attention_sizes sizes;
    operand *columns; // [H, words of d_h, position_step]
    // [H, position_front + T + TILE_ROWS, padded], zeros on both sides, and the same packed by words; NULL if not needed
    operand *rows, *words;
} position_packing;

static int64_t position_columns_count(const attention_sizes *sizes) {
    return words_of(sizes->width) * sizes->position_step;
}
static int64_t position_rows_count(const attention_sizes *sizes) {
    return round_up(sizes->position_front + sizes->keys + TILE_ROWS, PER_WORD) * sizes->padded;
}

static void pack_positions_of_head(void *context, int64_t head, int thread) {
    (void)thread;
    const position_packing *packing = context;
    const attention_sizes *sizes = &packing->sizes;
    matrix from = head_part(packing->call->positions, 0, sizes->keys, head, sizes->width);
    operand *columns = packing->columns + head * position_columns_count(sizes);
    memset(columns, 0, (size_t)position_columns_count(sizes) * sizeof *columns);
    pack_columns(columns + LANES * PER_WORD, sizes->position_step, TILE_WORDS, from);
    if (!packing->rows) return;
    int64_t count = position_rows_count(sizes);
    operand *rows = packing->rows + head * count;
    memset(rows, 0, (size_t)count * sizeof *rows);
    pack_rows(rows + sizes->position_front * sizes->padded, from, NULL);
    group_rows(packing->words + head * count, rows, count / sizes->padded, sizes->padded);
}
