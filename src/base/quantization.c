#include "base/quantization.h"

#include <math.h>

enum { LARGEST = 127 };

static double largest_of(const real *x, int64_t n) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)x[i]));
    return largest;
}

// Not quite the quotient for the largest floats, whose multiple would round to infinity.
static float scale_of(double largest) {
    float scale = (float)(largest / LARGEST);
    while (!isfinite(LARGEST * scale)) scale = nextafterf(scale, 0);
    return scale;
}

// Scales that are subnormal are so coarse that quotients exceed 127 by more than their rounding.
static int8_t quantum(real x, float scale) {
    double q = rint((double)x / (double)scale);
    return (int8_t)(q > LARGEST ? LARGEST : q < -LARGEST ? -LARGEST : q);
}

void quantize_rows(const real *x, int64_t rows, int64_t cols, int8_t *q, float *scale) {
    for (int64_t r = 0; r < rows; r++, x += cols, q += cols) {
        scale[r] = scale_of(largest_of(x, cols));
        for (int64_t i = 0; i < cols; i++) q[i] = scale[r] > 0 ? quantum(x[i], scale[r]) : 0;
    }
}

void dequantize_rows(const int8_t *q, const float *scale, int64_t rows, int64_t cols, real *x) {
    for (int64_t r = 0; r < rows; r++, x += cols, q += cols)
        for (int64_t i = 0; i < cols; i++) x[i] = (real)q[i] * (real)scale[r];
}
