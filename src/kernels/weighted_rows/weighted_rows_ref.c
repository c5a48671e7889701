#include "kernels/weighted_rows/weighted_rows.h"

static void add(real *y, int64_t d, const real *const *rows, const real *weight, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < d; c++) y[c] += weight[i] * rows[i][c];
}

static void dot(real *result, const real *x, int64_t d, const real *const *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        result[i] = 0;
        for (int64_t c = 0; c < d; c++) result[i] += x[c] * rows[i][c];
    }
}

extern const weighted_rows_kernel weighted_rows_ref;
const weighted_rows_kernel weighted_rows_ref = {{"ref", CPU_SCALAR}, add, dot};
