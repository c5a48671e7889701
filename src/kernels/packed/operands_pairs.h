// bf16 operands for processors with bf16 products: a word is a pair, with the earlier term of the sum in the lower half.
#pragma once

#include "kernels/packed/operands_bf16.h"

enum { PER_WORD = 2 };

static inline void store_operands(operand *p, int64_t n, vec x) {
    __m256i rounded = (__m256i)_mm512_cvtneps_pbh(x);
    if (n >= LANES)
        _mm256_storeu_si256((__m256i *)p, rounded);
    else if (n > 0)
        _mm256_mask_storeu_epi16(p, first_lanes(n), rounded);
}

static inline vec words_along(const operand *p, int64_t n) {
    if (n >= 2 * LANES) return (vec)_mm512_loadu_si512(p);
    return (vec)_mm512_maskz_loadu_epi16(n > 0 ? (1u << n) - 1 : 0, p);
}

// Interleaves two halves of columns, [low | high], to pairs.
static inline vec interleave(__m512i halves) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
        7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (vec)_mm512_permutexvar_epi16(order, halves);
}

static inline vec words_across(const operand *const *rows, int64_t first, int64_t count, int64_t n) {
    __m256i low, high = _mm256_setzero_si256();
    if (n >= LANES) {
        low = _mm256_loadu_si256((const __m256i *)(rows[0] + first));
        if (count > 1) high = _mm256_loadu_si256((const __m256i *)(rows[1] + first));
    } else {
        __mmask16 present = n > 0 ? first_lanes(n) : 0;
        low = _mm256_maskz_loadu_epi16(present, rows[0] + first);
        if (count > 1) high = _mm256_maskz_loadu_epi16(present, rows[1] + first);
    }
    return interleave(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
}

static inline vec words_along_computed(const vec *x) {
    return (vec)_mm512_cvtne2ps_pbh(x[1], x[0]);
}
static inline vec words_across_computed(const vec *x) {
    return interleave((__m512i)_mm512_cvtne2ps_pbh(x[1], x[0]));
}

static inline word one_word(const operand *p, int64_t n) {
    word x = 0;
    if (n > 1)
        memcpy(&x, p, sizeof x);
    else
        memcpy(&x, p, sizeof *p);
    return x;
}
static inline __m128 four_words(const operand *p) {
    return (__m128)_mm_loadu_si128((const __m128i *)p);
}

static inline vec multiply_add(vec a, vec b, vec sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
