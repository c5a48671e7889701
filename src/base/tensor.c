#include "base/tensor.h"

#include <assert.h>

tensor_range tensor_range_part(tensor_range whole, int part, int parts) {
    int64_t each = whole.count / parts, more = whole.count % parts;
    return (tensor_range){whole.first + each * part + (part < more ? part : more), each + (part < more)};
}

size_t dtype_size(dtype type) {
    switch (type) {
    case TYPE_REAL:
        return sizeof(real);
    case TYPE_BF16:
        return 2;
    case TYPE_I8:
        return 1;
    case TYPE_I32:
        return 4;
    }
    return 0;
}

matrix matrix_part(matrix m, int64_t row, int64_t rows, int64_t first, int64_t cols) {
    assert(row >= 0 && rows >= 0 && row + rows <= m.rows);
    assert(first >= 0 && cols >= 0 && first + cols <= m.cols);
    char *start = (char *)m.data + (size_t)(row * m.stride + first) * dtype_size(m.type);
    return (matrix){start, m.type, rows, cols, m.stride, m.scale ? m.scale + row : NULL};
}

real *matrix_real(matrix m) {
    assert(m.type == TYPE_REAL);
    return m.data;
}

bf16 *matrix_bf16(matrix m) {
    assert(m.type == TYPE_BF16);
    return m.data;
}

void *matrix_row(matrix m, int64_t row) {
    return (char *)m.data + (size_t)(row * m.stride) * dtype_size(m.type);
}

sigmoe_status matrix_new(arena *a, dtype type, int64_t rows, int64_t cols, matrix *out) {
    int64_t count;
    if (!size_product(&count, rows, cols))
        return fail(SIGMOE_NO_MEMORY, "a matrix of %lld x %lld elements is too large", (long long)rows,
            (long long)cols);
    void *data = arena_take_raw(a, (size_t)count, dtype_size(type));
    if (!data) return SIGMOE_NO_MEMORY;
    *out = (matrix){data, type, rows, cols, cols, NULL};
    return SIGMOE_OK;
}
