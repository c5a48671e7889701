// Matrices of bf16 for the tests of kernels.
#pragma once

#include "kernels/check.h"

// The numbers of a TYPE_REAL matrix, gaps too, as `type`.
static inline matrix check_converted(check_output *out, dtype type, matrix m) {
    if (type == TYPE_REAL) return m;
    bf16 *data = arena_take_raw(out->memory, (size_t)(m.rows * m.stride), sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < m.rows * m.stride; i++) data[i] = bf16_of((float)matrix_real(m)[i]);
    return (matrix){data, type, m.rows, m.cols, m.stride};
}

// As check_emit_matrix, of either type.
static inline void check_emit_any(check_output *out, const char *name, matrix m, double tolerance) {
    int64_t count = m.rows * m.stride;
    double *values = check_new_array(out, name, count, tolerance);
    for (int64_t i = 0; i < count; i++)
        values[i] = m.type == TYPE_BF16 ? (double)bf16_value(matrix_bf16(m)[i]) : (double)matrix_real(m)[i];
}

// Neighbours among bf16 numbers are up to 2^-7 apart, relatively: what two sums that are nearly the same may round to.
#define CHECK_BF16_NEIGHBOURS 0x1.01p-7
