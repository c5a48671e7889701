// Products of bf16 operands, two multiply-adds to a lane: the _avx512bf16.c file includes this before the fast_*.h.
#pragma once

#include "base/tensor.h"
#include "kernels/vector_math.h"

// A word is a pair: where a product has an odd depth, both its operands have a zero in the last word's upper half.
typedef bf16 operand;
enum { WORD = 2 };

static inline vec operand_load(const operand *from) {
    return vec_load_bf16(from);
}
static inline void operand_store(operand *to, vec x) {
    _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh(x));
}

static inline vec word_all(const operand *from) {
    int32_t word;
    memcpy(&word, from, sizeof word);
    return _mm512_castsi512_ps(_mm512_set1_epi32(word));
}
static inline vec words_at(const operand *from) {
    return _mm512_castsi512_ps(_mm512_loadu_si512(from));
}
static inline vec word_multiply_add(vec a, vec b, vec sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

// LANES words: element i of the row and of the next one become word i.
static inline void words_of_rows(operand *to, const operand *row, const operand *next) {
    const __m512i lower = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)row));
    const __m512i upper = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)next));
    _mm512_storeu_si512(to, _mm512_or_si512(lower, _mm512_slli_epi32(upper, 16)));
}

// 8 words of a stored row that has `channels` more, at least one; zeros behind them.
static inline __m256 eight_words(const void *row, dtype type, int64_t channels) {
    (void)type;
    __mmask16 present = channels < 16 ? (__mmask16)((1u << channels) - 1) : (__mmask16)0xffff;
    return _mm256_castsi256_ps(_mm256_maskz_loadu_epi16(present, row));
}
