// Attention of one query over cached rows, on vectors; included by one file per instruction set. A row is read once, from the
// memory that its ring lies in, so there is nothing to pack: this is as fast as the memory.
#include "kernels/cached_attention/cached_attention.h"
#include "kernels/vector_math.h"

enum { ROWS_AT_ONCE = 4, COLUMNS_AT_ONCE = 4 };
enum { LEAD = 4096, LINE = 64 }; // rows are asked for so many bytes before they are needed

#define INLINE static inline __attribute__((always_inline))

// LANES elements from i on, of which the first n count; the others read as 0.
INLINE vec load_at(dtype type, const void *data, int64_t i, int64_t n) {
    if (type == TYPE_BF16) {
        const bf16 *p = (const bf16 *)data + i;
        return n >= LANES ? vec_load_bf16(p) : vec_load_part_bf16(p, n);
    }
    const float *p = (const float *)data + i;
    return n >= LANES ? vec_load(p) : vec_load_part(p, n);
}

INLINE void store_at(dtype type, void *data, int64_t i, int64_t n, vec x) {
    if (type == TYPE_BF16) {
        bf16 *p = (bf16 *)data + i;
        n >= LANES ? vec_store_bf16(p, x) : vec_store_part_bf16(p, n, x);
        return;
    }
    float *p = (float *)data + i;
    n >= LANES ? vec_store(p, x) : vec_store_part(p, n, x);
}

INLINE void store_floats(float *p, int64_t n, vec x) {
    n >= LANES ? vec_store(p, x) : vec_store_part(p, n, x);
}

INLINE vec load_floats(const float *p, int64_t n) {
    return n >= LANES ? vec_load(p) : vec_load_part(p, n);
}

// Asks for `bytes` bytes that lie `ahead` behind the start of row j, into the second cache: the nearest one waits for fewer
// lines at a time.
INLINE void prefetch_rows(
    dtype type, const void *rows, int64_t j, int64_t width, int64_t ahead, int64_t bytes) {
    const char *start = (const char *)rows + j * width * (type == TYPE_BF16 ? 2 : 4) + ahead;
    for (int64_t line = 0; line < bytes; line += LINE) __builtin_prefetch(start + line, 0, 2);
}

INLINE int64_t bytes_of(dtype type, int64_t rows, int64_t width) {
    return rows * width * (type == TYPE_BF16 ? 2 : 4);
}

// content = q + u, position = q + v
INLINE void add_biases(dtype type, const cached_head *h, float *content, float *position) {
    for (int64_t c = 0; c < h->width; c += LANES) {
        int64_t n = h->width - c;
        vec q = load_at(type, h->q, c, n);
        store_floats(content + c, n, q + load_floats(h->content_bias + c, n));
        store_floats(position + c, n, q + load_floats(h->position_bias + c, n));
    }
}

// Raw scores of `rows` rows from row j on.
INLINE void score_rows(dtype type, int rows, const void *k, const void *r, int64_t j, int64_t width,
    const float *content, const float *position, float *scores) {
    vec sums[ROWS_AT_ONCE];
    for (int i = 0; i < rows; i++) sums[i] = vec_all(0.0f);
    for (int64_t c = 0; c < width; c += LANES) {
        int64_t n = width - c;
        vec u = load_floats(content + c, n), v = load_floats(position + c, n);
        for (int i = 0; i < rows; i++) {
            int64_t at = (j + i) * width + c;
            sums[i] = vec_fma(u, load_at(type, k, at, n), sums[i]);
            sums[i] = vec_fma(v, load_at(type, r, at, n), sums[i]);
        }
    }
    for (int i = 0; i < rows; i++) scores[i] = vec_sum(sums[i]);
}

INLINE void score_piece(
    dtype type, const cached_head *h, int piece, const float *content, const float *position, float *scores) {
    const void *k = h->k[piece], *r = h->r[piece];
    int64_t j = 0, count = h->count[piece];
    for (; j + ROWS_AT_ONCE <= count; j += ROWS_AT_ONCE) {
        prefetch_rows(type, k, j, h->width, LEAD, bytes_of(type, ROWS_AT_ONCE, h->width));
        prefetch_rows(type, r, j, h->width, LEAD, bytes_of(type, ROWS_AT_ONCE, h->width));
        score_rows(type, ROWS_AT_ONCE, k, r, j, h->width, content, position, scores + j);
    }
    for (; j < count; j++) score_rows(type, 1, k, r, j, h->width, content, position, scores + j);
}

// Turns raw scores into exponentials relative to the largest, and returns their sum.
INLINE float exponentials(float *scores, int64_t count, float scale) {
    vec s = vec_all(scale), top = vec_all(-INFINITY), sum = vec_all(0.0f);
    for (int64_t j = 0; j < count; j += LANES) {
        int64_t n = count - j;
        vec x = load_floats(scores + j, n) * s;
        top = vec_max(n >= LANES ? x : vec_fill_rest(x, n, -INFINITY), top); // skips a NaN in x
    }
    vec shift = vec_all(-vec_greatest(top));
    for (int64_t j = 0; j < count; j += LANES) {
        int64_t n = count - j;
        vec p = vec_exp(vec_fma(load_floats(scores + j, n), s, shift));
        store_floats(scores + j, n, p);
        sum += n >= LANES ? p : vec_fill_rest(p, n, 0.0f);
    }
    return vec_sum(sum);
}

// Columns [c, c + width) of Σ p · v, width at most COLUMNS_AT_ONCE vectors.
INLINE void sum_columns(
    dtype type, int vectors, const cached_head *h, const float *weights, int64_t c, float factor) {
    vec sums[COLUMNS_AT_ONCE];
    int64_t last = h->width - c - (vectors - 1) * LANES; // columns in the last vector
    for (int i = 0; i < vectors; i++) sums[i] = vec_all(0.0f);
    for (int piece = 0; piece < 2; piece++) {
        for (int64_t j = 0; j < h->count[piece]; j++) {
            prefetch_rows(type, h->v[piece], j, h->width, LEAD, bytes_of(type, 1, h->width));
            vec p = vec_all(weights[j]);
            for (int i = 0; i < vectors; i++) {
                int64_t at = j * h->width + c + i * LANES;
                vec v = load_at(type, h->v[piece], at, i + 1 < vectors ? LANES : last);
                sums[i] = vec_fma(p, v, sums[i]);
            }
        }
        weights += h->count[piece];
    }
    for (int i = 0; i < vectors; i++)
        store_at(type, h->out, c + i * LANES, i + 1 < vectors ? LANES : last, sums[i] * vec_all(factor));
}

INLINE void sum_values(dtype type, const cached_head *h, const float *weights, float factor) {
    for (int64_t c = 0; c < h->width; c += COLUMNS_AT_ONCE * LANES) {
        int64_t vectors = divide_up(h->width - c, LANES);
        if (vectors >= 4)
            sum_columns(type, 4, h, weights, c, factor);
        else if (vectors == 3)
            sum_columns(type, 3, h, weights, c, factor);
        else if (vectors == 2)
            sum_columns(type, 2, h, weights, c, factor);
        else
            sum_columns(type, 1, h, weights, c, factor);
    }
}

INLINE void run_head(dtype type, const cached_head *h, float *scratch) {
    float *content = scratch, *position = content + h->width, *scores = position + h->width;
    for (int piece = 0; piece < 2; piece++) // the beginnings; the values are needed after the scores
        for (int i = 0; i < 3 && h->count[piece]; i++)
            prefetch_rows(type,
                i == 0   ? h->k[piece]
                : i == 1 ? h->r[piece]
                         : h->v[piece],
                0, h->width, 0, least(LEAD, bytes_of(type, h->count[piece], h->width)));
    add_biases(type, h, content, position);
    score_piece(type, h, 0, content, position, scores);
    score_piece(type, h, 1, content, position, scores + h->count[0]);
    float total = exponentials(scores, h->count[0] + h->count[1], h->scale);
    sum_values(type, h, scores, 1.0f / total);
}

static void head(const cached_head *h, real *scratch) {
    run_head(TYPE_REAL, h, scratch);
}

static void bf16_head(const cached_head *h, real *scratch) {
    run_head(TYPE_BF16, h, scratch);
}
