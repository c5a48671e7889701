#include "kernels/sparse_gemm/sparse_kernel.h"

enum { STRIP = 16 };

static int64_t count(matrix m) {
    int64_t sum = 0;
    for (int64_t i = 0; i < m.rows; i++)
        for (int64_t j = 0; j < m.cols; j++) sum += matrix_at(m, i, j) != 0; // a NaN is not 0
    return sum;
}

static int64_t find(const void *elements, dtype type, int64_t n, uint8_t *index, real *value) {
    matrix row = {(void *)elements, type, 1, n, n, NULL};
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        real x = matrix_at(row, 0, i);
        if (x == 0) continue;
        index[found] = (uint8_t)i;
        value[found++] = x;
    }
    return found;
}

static void turn(matrix m, real *out, int64_t stride) {
    for (int64_t i = 0; i < m.rows; i++)
        for (int64_t j = 0; j < m.cols; j++) out[j * stride + i] = matrix_at(m, i, j);
}

static void store_bf16(const real *row, bf16 *out) {
    for (int64_t j = 0; j < STRIP; j++) out[j] = bf16_of((float)row[j]);
}

static void add(const real *part, int64_t rows, const uint8_t *counts, const uint8_t *term, const real *value,
    real *sums) {
    for (int64_t r = 0; r < rows; r++, sums += STRIP)
        for (int64_t i = 0; i < counts[r]; i++, term++, value++)
            for (int64_t j = 0; j < STRIP; j++) sums[j] += *value * part[*term * STRIP + j];
}

static void add_bf16(const bf16 *part, int64_t rows, const uint8_t *counts, const uint8_t *term,
    const real *value, real *sums) {
    for (int64_t r = 0; r < rows; r++, sums += STRIP)
        for (int64_t i = 0; i < counts[r]; i++, term++, value++)
            for (int64_t j = 0; j < STRIP; j++) sums[j] += *value * (real)bf16_value(part[*term * STRIP + j]);
}

extern const sparse_gemm_kernel sparse_gemm_ref;
const sparse_gemm_kernel sparse_gemm_ref = {
    {"ref", CPU_SCALAR}, STRIP, count, find, turn, store_bf16, add, add_bf16};
