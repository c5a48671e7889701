// Sums of a strip's rows in vector registers; included by one file per instruction set.
#include "kernels/packed/row_ends.h"
#include "kernels/packed/transpose_8x8.h"
#include "kernels/sparse_gemm/sparse_kernel.h"

enum { STRIP = 4 * LANES }; // as many vectors as hide how long an addition takes

typedef struct strip_sums {
    vec v[4];
} strip_sums;

static inline strip_sums load_sums(const float *sums) {
    return (strip_sums){
        {vec_load(sums), vec_load(sums + LANES), vec_load(sums + 2 * LANES), vec_load(sums + 3 * LANES)}};
}
static inline void store_sums(float *sums, strip_sums s) {
    for (int i = 0; i < 4; i++) vec_store(sums + i * LANES, s.v[i]);
}

static void add(const float *part, int64_t rows, const uint8_t *counts, const uint8_t *term,
    const float *value, float *sums) {
    for (int64_t r = 0; r < rows; r++, sums += STRIP) {
        strip_sums s = load_sums(sums);
        for (int64_t left = counts[r]; left > 0; left--) {
            const float *row = part + (int64_t)*term++ * STRIP;
            vec factor = vec_all(*value++);
            for (int i = 0; i < 4; i++) s.v[i] = vec_fma(factor, vec_load(row + i * LANES), s.v[i]);
        }
        store_sums(sums, s);
    }
}

static void add_bf16(const bf16 *part, int64_t rows, const uint8_t *counts, const uint8_t *term,
    const float *value, float *sums) {
    for (int64_t r = 0; r < rows; r++, sums += STRIP) {
        strip_sums s = load_sums(sums);
        for (int64_t left = counts[r]; left > 0; left--) {
            const bf16 *row = part + (int64_t)*term++ * STRIP;
            vec factor = vec_all(*value++), low = vec_load_pairs(row), high = vec_load_pairs(row + 2 * LANES);
            s.v[0] = vec_fma(factor, vec_low_halves(low), s.v[0]);
            s.v[1] = vec_fma(factor, vec_high_halves(low), s.v[1]);
            s.v[2] = vec_fma(factor, vec_low_halves(high), s.v[2]);
            s.v[3] = vec_fma(factor, vec_high_halves(high), s.v[3]);
        }
        store_sums(sums, s);
    }
}

// Elements [j, j + LANES) of a row of m; those that do not exist are 0.
static inline vec load_elements(const void *row, dtype type, int64_t j, int64_t n) {
    return type == TYPE_BF16 ? load_row_end_bf16((const bf16 *)row + j, n - j)
                             : load_row_end((const float *)row + j, n - j);
}

// Rows of which only a part is read, so that the processor does not foresee the next one.
static inline void prefetch_row(matrix m, int64_t i) {
    const char *row = matrix_row(m, i < m.rows ? i : m.rows - 1);
    for (int64_t at = 0; at < m.cols * (int64_t)dtype_size(m.type); at += 64)
        _mm_prefetch(row + at, _MM_HINT_T0);
}

static int64_t count(matrix m) {
    int64_t sum = 0;
    for (int64_t i = 0; i < m.rows; i++) {
        const void *row = matrix_row(m, i);
        if (m.cols <= BIN_ROWS) prefetch_row(m, i + 12);
        for (int64_t j = 0; j < m.cols; j += LANES)
            sum += vec_count_nonzero(load_elements(row, m.type, j, m.cols));
    }
    return sum;
}

static int64_t find(const void *elements, dtype type, int64_t n, uint8_t *index, float *value) {
    int64_t found = 0;
    for (int64_t i = 0; i < n; i += LANES)
        found += vec_put_nonzero(load_elements(elements, type, i, n), (int)i, index + found, value + found);
    return found;
}

static inline __m256 eight_elements(const void *row, dtype type, int64_t column) {
    if (type != TYPE_BF16) return _mm256_loadu_ps((const float *)row + column);
    __m128i narrow = _mm_loadu_si128((const __m128i *)((const bf16 *)row + column));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
}

// Rows [i, i + 8) of m, which exist, and the first `columns`, a multiple of 8.
static inline __attribute__((always_inline)) void turn_eight_rows(
    matrix m, dtype type, int64_t i, int64_t columns, float *out, int64_t stride) {
    const void *rows[8];
    for (int64_t r = 0; r < 8; r++) rows[r] = matrix_row(m, i + r);
    for (int64_t j = 0; j < columns; j += 8) {
        __m256 block[8];
        for (int64_t r = 0; r < 8; r++) block[r] = eight_elements(rows[r], type, j);
        transpose_8x8(block);
        for (int64_t c = 0; c < 8; c++) _mm256_storeu_ps(out + (j + c) * stride + i, block[c]);
    }
}

static void turn(matrix m, float *out, int64_t stride) {
    int64_t rows = m.rows / 8 * 8, columns = m.cols / 8 * 8;
    for (int64_t i = 0; i < rows; i += 8)
        if (m.type == TYPE_BF16)
            turn_eight_rows(m, TYPE_BF16, i, columns, out, stride);
        else
            turn_eight_rows(m, TYPE_REAL, i, columns, out, stride);
    for (int64_t i = 0; i < m.rows; i++)
        for (int64_t j = i < rows ? columns : 0; j < m.cols; j++) out[j * stride + i] = matrix_at(m, i, j);
}

// Two columns share 32 bits: those that one vector of sums apart.
static void store_bf16(const float *row, bf16 *out) {
    for (int64_t j = 0; j < STRIP; j += 2 * LANES)
        vec_store_halves(out + j, vec_load(row + j), vec_load(row + j + LANES));
}
