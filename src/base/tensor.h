// Views of memory owned by an arena. Kernels take them by value or const pointer; nobody frees a view.
#pragma once

#include "base/arena.h"
#include "base/bf16.h"
#include "base/real.h"

// Storage types. TYPE_REAL is the arithmetic type itself (base/real.h); TYPE_BF16 and TYPE_I8 are for storage only. Numbers of
// TYPE_I8 are weights with a scale for each row (base/quantization.h).
typedef enum dtype { TYPE_REAL, TYPE_BF16, TYPE_I32, TYPE_I8 } dtype;

// Some of a tensor's values, one after the other.
typedef struct tensor_range {
    int64_t first, count;
} tensor_range;
// One of equal parts of them, to a value.
tensor_range tensor_range_part(tensor_range whole, int part, int parts);

// The type of the operands of matrix products; weights may be of TYPE_I8 beside it.
static inline dtype operand_type(sigmoe_dtype type) {
    return type == SIGMOE_BF16 ? TYPE_BF16 : TYPE_REAL;
}

// Row-major [rows, cols]; row r starts at element r * stride of `data`.
typedef struct matrix {
    void *data;
    dtype type;
    int64_t rows, cols, stride;
    const float *scale; // [rows] of TYPE_I8, otherwise unused
} matrix;

static inline matrix matrix_of(real *data, int64_t rows, int64_t cols) {
    return (matrix){data, TYPE_REAL, rows, cols, cols, NULL};
}

// A view of columns [first, first + cols) of rows [row, row + rows) of m.
matrix matrix_part(matrix m, int64_t row, int64_t rows, int64_t first, int64_t cols);

// Pointers to a matrix's elements; each function asserts the type.
real *matrix_real(matrix m);
bf16 *matrix_bf16(matrix m);
// The start of row `row`, for any type.
void *matrix_row(matrix m, int64_t row);

size_t dtype_size(dtype type); // bytes of an element

// One element of a TYPE_REAL or TYPE_BF16 matrix, for code where speed does not matter.
static inline real matrix_at(matrix m, int64_t row, int64_t col) {
    int64_t i = row * m.stride + col;
    return m.type == TYPE_BF16 ? (real)bf16_value(((const bf16 *)m.data)[i]) : ((const real *)m.data)[i];
}

// Allocates an uninitialized [rows, cols] matrix of `type` from the arena.
sigmoe_status matrix_new(arena *a, dtype type, int64_t rows, int64_t cols, matrix *out);
