// Transposes rows of words to columns: 8 x 8 in registers, or from memory to memory four words of each of LANES rows. Included
// after operands (operands.h).
#pragma once

#include "kernels/packed/transpose_8x8.h"

#if defined(__AVX512F__)

// Four words from each of p, p + stride, p + 2 · stride ...
static inline vec load_quads(const operand *p, int64_t stride) {
    __m512 x = _mm512_castps128_ps512(four_words(p));
    x = _mm512_insertf32x4(x, four_words(p + stride), 1);
    x = _mm512_insertf32x4(x, four_words(p + 2 * stride), 2);
    return _mm512_insertf32x4(x, four_words(p + 3 * stride), 3);
}
static inline vec interleave_low(vec a, vec b) {
    return _mm512_unpacklo_ps(a, b);
}
static inline vec interleave_high(vec a, vec b) {
    return _mm512_unpackhi_ps(a, b);
}
static inline vec join_low(vec a, vec b) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
static inline vec join_high(vec a, vec b) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

#else

static inline vec load_quads(const operand *p, int64_t stride) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(four_words(p)), four_words(p + stride), 1);
}
static inline vec interleave_low(vec a, vec b) {
    return _mm256_unpacklo_ps(a, b);
}
static inline vec interleave_high(vec a, vec b) {
    return _mm256_unpackhi_ps(a, b);
}
static inline vec join_low(vec a, vec b) {
    return _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}
static inline vec join_high(vec a, vec b) {
    return _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}

#endif

// columns[i][j] = word i of rows + j * stride, for i < 4, j < LANES; columns are `distance` apart.
static inline void transpose_four(const operand *rows, int64_t stride, word *columns, int64_t distance) {
    vec a = load_quads(rows, 4 * stride), b = load_quads(rows + stride, 4 * stride),
        c = load_quads(rows + 2 * stride, 4 * stride), d = load_quads(rows + 3 * stride, 4 * stride);
    vec ab = interleave_low(a, b), cd = interleave_low(c, d);
    vec_store(columns, join_low(ab, cd));
    vec_store(columns + distance, join_high(ab, cd));
    ab = interleave_high(a, b), cd = interleave_high(c, d);
    vec_store(columns + 2 * distance, join_low(ab, cd));
    vec_store(columns + 3 * distance, join_high(ab, cd));
}
