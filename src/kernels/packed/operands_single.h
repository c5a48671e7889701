// The functions common to words of one term, be they the operands themselves or widened. Included after load_operands.
#pragma once

enum { PER_WORD = 1 };

static inline vec words_along(const operand *p, int64_t n) {
    return load_operands(p, n);
}

static inline vec words_across(const operand *const *rows, int64_t first, int64_t count, int64_t n) {
    (void)count;
    return load_operands(rows[0] + first, n);
}

static inline vec multiply_add(vec a, vec b, vec sum) {
    return vec_fma(a, b, sum);
}
