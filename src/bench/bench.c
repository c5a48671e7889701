#include "bench/bench.h"

#include "base/random.h"
#include "train/quartiles.h"

double bench_median(double *values, int count) {
    return quartiles_of(values, count).median;
}

sigmoe_status bench_check(const bench_size *sizes, int count) {
    for (int i = 0; i < count; i++)
        if (sizes[i].value < 1 || sizes[i].value > INT32_MAX)
            return fail(SIGMOE_BAD_ARGUMENT, "%s is %lld; it must be in 1..%d", sizes[i].name,
                (long long)sizes[i].value, INT32_MAX);
    return SIGMOE_OK;
}

sigmoe_status bench_matrix(arena *a, int64_t rows, int64_t cols, uint64_t salt, matrix *out) {
    random_stream stream = {.step = salt, .purpose = RANDOM_TEST};
    TRY(matrix_new(a, TYPE_REAL, rows, cols, out));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            matrix_real(*out)[r * out->stride + c] = (real)random_normal(stream, (uint64_t)(r * cols + c));
    return SIGMOE_OK;
}

sigmoe_status bench_operand(
    arena *a, sigmoe_dtype operands, int64_t rows, int64_t cols, uint64_t salt, matrix *out) {
    TRY(bench_matrix(a, rows, cols, salt, out));
    if (operands == SIGMOE_F32) return SIGMOE_OK;
    matrix exact = *out;
    TRY(matrix_new(a, operand_type(operands), rows, cols, out));
    for (int64_t i = 0; i < rows * cols; i++) matrix_bf16(*out)[i] = bf16_of((float)matrix_real(exact)[i]);
    return SIGMOE_OK;
}
