// Products of f32 operands: for `real` storage, and for bf16 storage where the processor multiplies no bf16. The _avx2.c and
// _avx512.c files include this before the fast_*.h.
#pragma once

#include "base/tensor.h"
#include "kernels/vector_math.h"

// What products are made of. A word is as many operands as fill 32 bits, consecutive along the depth of a product.
typedef float operand;
enum { WORD = 1 };

static inline vec operand_load(const operand *from) {
    return vec_load(from);
}
static inline void operand_store(operand *to, vec x) {
    vec_store(to, x);
}

// A word in every lane, and sum + a · b in each lane.
static inline vec word_all(const operand *from) {
    return vec_all(*from);
}
static inline vec words_at(const operand *from) {
    return vec_load(from);
}
static inline vec word_multiply_add(vec a, vec b, vec sum) {
    return vec_fma(a, b, sum);
}

// LANES words: of one row's operands, or of WORD rows' interleaved.
static inline void words_of_rows(operand *to, const operand *row, const operand *next) {
    (void)next;
    vec_store(to, vec_load(row));
}

// 8 words of a stored row that has `channels` more, at least one; zeros behind them.
static inline __m256 eight_words(const void *row, dtype type, int64_t channels) {
    if (type == TYPE_BF16) {
        bf16 lanes[8] = {0};
        memcpy(lanes, row, (size_t)(channels < 8 ? channels : 8) * sizeof *lanes);
        __m128i eight = _mm_loadu_si128((const __m128i *)lanes);
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16));
    }
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int present = channels < 8 ? (int)channels : 8;
    return _mm256_maskload_ps(row, _mm256_cmpgt_epi32(_mm256_set1_epi32(present), lane));
}
