#include "kernels/check.h"

#include "kernels/dense_gemm/dense_gemm.h"

typedef struct shape {
    int64_t m, n, k, gap;
} shape;

// The last but one has at least nine tiles, the last a long sum.
static const shape shapes[] = {{0, 5, 3, 0}, {5, 0, 3, 0}, {5, 3, 0, 2}, {1, 1, 1, 0}, {1, 17, 33, 3},
    {7, 1, 5, 1}, {16, 16, 16, 0}, {65, 63, 31, 5}, {33, 205, 412, 0}, {300, 130, 17, 7}, {577, 210, 41, 0},
    {70, 193, 770, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes, VARIANTS = 8 };

static matrix operand(
    check_output *out, bool transposed, int64_t rows, int64_t cols, int64_t gap, uint64_t key) {
    return transposed ? check_matrix(out, cols, rows, gap, key) : check_matrix(out, rows, cols, gap, key);
}

static void spoil(matrix m) {
    for (int64_t i = 0; i < m.rows; i++)
        for (int64_t j = 0; j < m.cols; j++) matrix_real(m)[i * m.stride + j] = NAN;
}

// The variants: transposed or not, accumulated or not (then what was in c, NaN too, is of no influence).
static void run(const kernel_context *context, int index, check_output *out) {
    shape s = shapes[index % SHAPES];
    int variant = index / SHAPES;
    gemm_call call = {
        .transpose_a = variant & 1, .transpose_b = variant >> 1 & 1, .accumulate = variant >> 2 & 1};
    call.a = operand(out, call.transpose_a, s.m, s.k, s.gap, 1);
    call.b = operand(out, call.transpose_b, s.k, s.n, s.gap, 2);
    call.c = check_matrix(out, s.m, s.n, s.gap, 3);
    if (!call.accumulate) spoil(call.c);
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    double tolerance = 4.0 * (double)(s.k + 1) * REAL_EPSILON;
    check_emit_matrix(out, "c", call.c, tolerance);

    matrix scaled = check_matrix(out, s.m, s.n, s.gap, 4);
    gemm_on_tile(&(gemm_tile){call.transpose_a, call.transpose_b, s.m, s.n, s.k, (real)-0.75,
        matrix_real(call.a), call.a.stride, matrix_real(call.b), call.b.stride, (real)0.5,
        matrix_real(scaled), scaled.stride});
    check_emit_matrix(out, "scaled", scaled, tolerance);
}

// The reference itself, against sums in double of its definition.
static void reference_is_the_formula(void **state) {
    (void)state;
    enum { M = 3, N = 4, K = 5 };
    real a[M * K], b[K * N], c[M * N], before[M * N];
    check_fill(a, M * K, 1), check_fill(b, K * N, 2), check_fill(before, M * N, 3);
    kernel_force("ref");
    for (int transposed = 0; transposed < 4; transposed++) {
        bool ta = transposed & 1, tb = transposed >> 1;
        memcpy(c, before, sizeof c);
        gemm_on_tile(&(gemm_tile){ta, tb, M, N, K, 2, a, ta ? M : K, b, tb ? K : N, 3, c, N});
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                double sum = 3.0 * before[i * N + j];
                for (int p = 0; p < K; p++)
                    sum += 2.0 * a[ta ? p * M + i : i * K + p] * b[tb ? j * K + p : p * N + j];
                assert_true(fabs(sum - c[i * N + j]) < 1e-5);
            }
    }
    kernel_force(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_is_the_formula)};
    int failures = cmocka_run_group_tests_name("dense_gemm reference", tests, NULL, NULL);
    return failures + check_kernels(&(check_operation){"dense_gemm", SHAPES * VARIANTS, run}) != 0;
}
