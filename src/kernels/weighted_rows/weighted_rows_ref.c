#include "kernels/weighted_rows/weighted_rows.h"

static real element(dtype type, const void *row, int64_t c) {
    if (type == TYPE_I8) return (real)((const int8_t *)row)[c];
    return type == TYPE_BF16 ? (real)bf16_value(((const bf16 *)row)[c]) : ((const real *)row)[c];
}

static void add_rows(
    dtype type, real *y, int64_t d, const void *const *rows, const real *weight, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < d; c++) y[c] += weight[i] * element(type, rows[i], c);
}

static void dot_rows(
    dtype type, real *result, const real *x, int64_t d, const void *const *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        result[i] = 0;
        for (int64_t c = 0; c < d; c++) result[i] += x[c] * element(type, rows[i], c);
    }
}

#include "kernels/weighted_rows/weighted_rows_types.h"

extern const weighted_rows_kernel weighted_rows_ref, weighted_rows_bf16_ref, weighted_rows_i8_ref;
const weighted_rows_kernel weighted_rows_ref = {{"ref", CPU_SCALAR}, add, dot};
const weighted_rows_kernel weighted_rows_bf16_ref = {{"ref", CPU_SCALAR}, bf16_add, bf16_dot};
const weighted_rows_kernel weighted_rows_i8_ref = {{"ref", CPU_SCALAR}, i8_add, NULL};
