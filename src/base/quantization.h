// Weights in 8 bits: x ≈ q · scale, one scale for each row.
#pragma once

#include "base/real.h"

#include <stdint.h>

// Rounds each row of x [rows, cols], which is finite, to the nearest multiples of its scale (halfway: to even): q in -127 to 127,
// scale = max |x| / 127. A row whose scale would be 0 becomes zeros. All q · scale are finite.
void quantize_rows(const real *x, int64_t rows, int64_t cols, int8_t *q, float *scale);
// x = q · scale.
void dequantize_rows(const int8_t *q, const float *scale, int64_t rows, int64_t cols, real *x);
