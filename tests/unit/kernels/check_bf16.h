// bf16 matrices for tests of kernels.
#pragma once

#include "kernels/check.h"

// Converts a TYPE_REAL matrix, including its gaps, to `type`.
static inline matrix check_converted(check_output *out, dtype type, matrix m) {
    if (type == TYPE_REAL) return m;
    bf16 *data = arena_take_raw(out->memory, (size_t)(m.rows * m.stride), sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < m.rows * m.stride; i++) data[i] = bf16_of((float)matrix_real(m)[i]);
    return (matrix){data, type, m.rows, m.cols, m.stride, NULL};
}

// Like check_emit_matrix, for either type.
static inline void check_emit_any(check_output *out, const char *name, matrix m, double tolerance) {
    int64_t count = m.rows * m.stride;
    double *values = check_new_array(out, name, count, tolerance);
    for (int64_t i = 0; i < count; i++)
        values[i] = m.type == TYPE_BF16 ? (double)bf16_value(matrix_bf16(m)[i]) : (double)matrix_real(m)[i];
}

// Adjacent bf16 numbers differ by up to 2^-7, relatively: two nearly equal sums may round to different ones.
#define CHECK_BF16_NEIGHBOURS 0x1.01p-7
