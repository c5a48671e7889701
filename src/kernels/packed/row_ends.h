// Vectors at the end of rows: the first n elements exist (n may be negative, 0 or more than LANES); the others read as 0.
#pragma once

#include "kernels/vector.h"

static inline vec load_row_end(const float *p, int64_t n) {
    if (n >= LANES) return vec_load(p);
    return n > 0 ? vec_load_part(p, n) : vec_all(0);
}

static inline vec load_row_end_bf16(const bf16 *p, int64_t n) {
    if (n >= LANES) return vec_load_bf16(p);
    return n > 0 ? vec_load_part_bf16(p, n) : vec_all(0);
}

static inline void store_row_end(float *p, int64_t n, vec x) {
    if (n >= LANES)
        vec_store(p, x);
    else if (n > 0)
        vec_store_part(p, n, x);
}
