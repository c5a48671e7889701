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
enum { PER_WORD = 1 };

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

// LANES words of successive elements of p, of which n exist.
static inline vec words_along(const operand *p, int64_t n) {
    return load_operands(p, n);
}

// LANES words, each of one column of PER_WORD rows, from column `first` on; `count` of the rows and n of these columns exist.
static inline vec words_across(const operand *const *rows, int64_t first, int64_t count, int64_t n) {
    (void)count;
    return load_operands(rows[0] + first, n);
}

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

static inline vec multiply_add(vec a, vec b, vec sum) {
    return vec_fma(a, b, sum);
}
