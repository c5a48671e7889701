// float operands, whose words are floats, too.
#pragma once

#include "kernels/packed/operands.h"

typedef float operand;
typedef float word;

static inline operand *operands(matrix m) {
    assert(m.type == TYPE_REAL);
    return m.data;
}

static inline vec load_operands(const operand *p, int64_t n) {
    return load_row_end(p, n);
}
static inline void store_operands(operand *p, int64_t n, vec x) {
    store_row_end(p, n, x);
}

#include "kernels/packed/operands_single.h"

static inline vec words_along_computed(const vec *x) {
    return x[0];
}
static inline vec words_across_computed(const vec *x) {
    return x[0];
}

static inline word one_word(const operand *p, int64_t n) {
    (void)n;
    return *p;
}
static inline __m128 four_words(const operand *p) {
    return _mm_loadu_ps(p);
}
