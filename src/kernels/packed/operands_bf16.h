// bf16 operands: operands_widened.h or operands_pairs.h.
#pragma once

#include "kernels/packed/operands.h"

typedef bf16 operand;
typedef float word; // holds the 32 bits of a pair

static inline operand *operands(matrix m) {
    assert(m.type == TYPE_BF16);
    return m.data;
}

static inline vec load_operands(const operand *p, int64_t n) {
    return load_row_end_bf16(p, n);
}
