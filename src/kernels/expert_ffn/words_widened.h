// As words_f32.h, for processors that cannot multiply bf16: operands are bf16, widened to words of float by packing.
#pragma once

#include "base/tensor.h"
#include "kernels/expert_ffn/existing.h"

#include <assert.h>

typedef bf16 operand;
typedef float word;
enum { PER_WORD = 1 };

static inline operand *operands(matrix m) {
    assert(m.type == TYPE_BF16);
    return m.data;
}

static inline vec load_operands(const operand *p, int64_t n) {
    if (n >= LANES) return vec_load_bf16(p);
    return n > 0 ? vec_load_part_bf16(p, n) : vec_all(0);
}

static inline void store_operands(operand *p, int64_t n, vec x) {
    if (n >= LANES)
        vec_store_bf16(p, x);
    else if (n > 0)
        vec_store_part_bf16(p, n, x);
}

static inline vec words_along(const operand *p, int64_t n) {
    return load_operands(p, n);
}
static inline vec words_across(const operand *const *rows, int64_t first, int64_t count, int64_t n) {
    (void)count;
    return load_operands(rows[0] + first, n);
}
static inline vec words_along_computed(const vec *x) {
    return vec_widen(vec_rounded(x[0]));
}
static inline vec words_across_computed(const vec *x) {
    return vec_widen(vec_rounded(x[0]));
}

static inline word one_word(const operand *p, int64_t n) {
    (void)n;
    return bf16_value(*p);
}
static inline __m128 four_words(const operand *p) {
    __m128i elements = _mm_loadl_epi64((const __m128i *)p);
    return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), elements));
}

static inline vec multiply_add(vec a, vec b, vec sum) {
    return vec_fma(a, b, sum);
}
