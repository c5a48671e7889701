// Transposes rows of words to columns: 8 x 8 in registers, or from memory to memory four words of each of LANES rows. Included
// after operands (operands.h).
#pragma once

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
