// What packed.h computes with: operands are floats, and so are the words that tiles multiply.
//
// A header of words defines `operand` (how operands lie in memory) and what of them makes a `word`: PER_WORD successive
// terms of a sum.
#pragma once

#include "base/tensor.h"
#include "kernels/expert_ffn/existing.h"

#include <assert.h>

typedef float operand;
typedef float word;

static inline operand *operands(matrix m) {
    assert(m.type == TYPE_REAL);
    return m.data;
}

static inline vec load_operands(const operand *p, int64_t n) {
    return load_existing(p, n);
}
static inline void store_operands(operand *p, int64_t n, vec x) {
    store_existing(p, n, x);
}

#include "kernels/expert_ffn/words_single.h"

// The same of computed elements, which are operands from here on.
static inline vec words_along_computed(const vec *x) {
    return x[0];
}
static inline vec words_across_computed(const vec *x) {
    return x[0];
}

// The word, and four, that begin at p; n elements exist.
static inline word one_word(const operand *p, int64_t n) {
    (void)n;
    return *p;
}
static inline __m128 four_words(const operand *p) {
    return _mm_loadu_ps(p);
}
