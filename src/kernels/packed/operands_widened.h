// bf16 operands for processors without bf16 products: packing widens them to words of float.
#pragma once

#include "kernels/packed/operands_bf16.h"
#include "kernels/packed/operands_single.h"

static inline void store_operands(operand *p, int64_t n, vec x) {
    if (n >= LANES)
        vec_store_bf16(p, x);
    else if (n > 0)
        vec_store_part_bf16(p, n, x);
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
