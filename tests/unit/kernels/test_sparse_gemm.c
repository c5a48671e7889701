#include "kernels/check_bf16.h"

#include "kernels/sparse_gemm/sparse_gemm.h"

#include <math.h>

typedef struct shape {
    int64_t m, n, k, gap;
    int kept; // of 100 elements of a
} shape;

// Around the sides of bins and strips; nothing kept, everything, and rows and columns of which nothing is.
static const shape shapes[] = {{0, 5, 3, 0, 30}, {5, 0, 3, 0, 30}, {5, 3, 0, 2, 30}, {1, 1, 1, 0, 100},
    {1, 17, 33, 3, 50}, {64, 64, 128, 0, 25}, {65, 63, 129, 5, 25}, {130, 130, 257, 1, 3}, {7, 70, 300, 2, 0},
    {40, 33, 200, 0, 100}, {200, 41, 70, 7, 25}, {9, 200, 1000, 0, 10}};
enum { SHAPES = sizeof shapes / sizeof *shapes, VARIANTS = 16 };

// Most elements are 0, in rows and columns divisible by 5 all are; some are -0.
static void thin_out(matrix a, int kept) {
    random_stream stream = {.seed = 3, .step = 1, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < a.rows; i++)
        for (int64_t j = 0; j < a.cols; j++) {
            real *x = matrix_real(a) + i * a.stride + j;
            bool keep = 100 * random_uniform(stream, (uint64_t)(i * a.cols + j)) < kept;
            if (!keep || (kept < 100 && (i % 5 == 4 || j % 5 == 4))) *x = j % 2 ? (real)-0.0 : 0;
        }
}

// What no element of a is multiplied with is of no influence.
static void spoil(matrix b, bool transposed, const sparse_gemm_call *call) {
    for (int64_t p = 4; p < (transposed ? b.cols : b.rows); p += 5)
        for (int64_t j = 0; j < (transposed ? b.rows : b.cols); j++)
            matrix_real(b)[transposed ? j * b.stride + p : p * b.stride + j] = NAN;
    for (int64_t i = 0; i < call->c.rows && !call->accumulate; i++)
        for (int64_t j = 0; j < call->c.cols; j++) matrix_real(call->c)[i * call->c.stride + j] = NAN;
}

static sparse_gemm_call make_call(check_output *out, int index, dtype type) {
    shape s = shapes[index % SHAPES];
    int variant = index / SHAPES;
    bool ta = variant & 1, tb = variant >> 1 & 1, tc = variant >> 2 & 1;
    sparse_gemm_call call = {
        .transpose_a = ta, .transpose_b = tb, .transpose_c = tc, .accumulate = variant >> 3 & 1};
    if (!call.accumulate && !tc && index % 2) call.bias = check_vector(out, s.n, 5);
    matrix a = check_matrix(out, ta ? s.k : s.m, ta ? s.m : s.k, s.gap, 1);
    matrix b = check_matrix(out, tb ? s.n : s.k, tb ? s.k : s.n, s.gap, 2);
    call.c = check_matrix(out, tc ? s.n : s.m, tc ? s.m : s.n, s.gap, 3);
    thin_out(a, s.kept);
    if (s.kept < 100) spoil(b, tb, &call);
    call.a = check_converted(out, type, a);
    call.b = check_converted(out, type, b);
    return call;
}

static double operand(matrix m, bool transposed, int64_t i, int64_t j) {
    return (double)(transposed ? matrix_at(m, j, i) : matrix_at(m, i, j));
}

// Element (i, j) before c is transposed.
static double expected(const sparse_gemm_call *call, int64_t i, int64_t j, double before) {
    double sum = call->accumulate ? before : call->bias ? (double)call->bias[j] : 0;
    for (int64_t p = 0; p < (call->transpose_a ? call->a.rows : call->a.cols); p++) {
        double a = operand(call->a, call->transpose_a, i, p);
        if (a != 0) sum += a * operand(call->b, call->transpose_b, p, j);
    }
    return sum;
}

static void expect_sums(const sparse_gemm_call *call, shape s, matrix before, double tolerance) {
    for (int64_t i = 0; i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) {
            double found = operand(call->c, call->transpose_c, i, j);
            double sum = expected(call, i, j, operand(before, call->transpose_c, i, j));
            if (!(fabs(found - sum) <= tolerance * (1 + fabs(sum))))
                fail_msg("(%lld, %lld) is %g instead of %g", (long long)i, (long long)j, found, sum);
        }
}

// Against plain sums; what is emitted has equal bits at any number of threads.
static void run_type(const kernel_context *context, int index, dtype type, check_output *out) {
    shape s = shapes[index % SHAPES];
    double tolerance = 8.0 * (double)(s.k + 1) * REAL_EPSILON;
    sparse_gemm_call call = make_call(out, index, type);
    matrix before = call.c;
    before.data = check_vector(out, call.c.rows * call.c.stride, 3);
    assert_int_equal(sparse_gemm(context, &call), SIGMOE_OK);
    if (threads_count(context->threads) == 1) expect_sums(&call, s, before, tolerance);
    check_emit_matrix(out, type == TYPE_BF16 ? "c of bf16" : "c", call.c, tolerance);
}

static void run(const kernel_context *context, int index, check_output *out) {
    run_type(context, index, TYPE_REAL, out);
    run_type(context, index, TYPE_BF16, out);
}

// A NaN is not 0: that a step went wrong must show.
static void a_nan_passes(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("sparse_gemm test", &c.scratch), SIGMOE_OK);
    for (int best = 0; best < 2; best++) {
        kernel_force(best ? NULL : "ref");
        real a[] = {0, NAN, 0, 2}, b[] = {1, 2, 3, 5}, y[4];
        sparse_gemm_call call = {.a = matrix_of(a, 2, 2), .b = matrix_of(b, 2, 2), .c = matrix_of(y, 2, 2)};
        assert_int_equal(sparse_gemm(&c, &call), SIGMOE_OK);
        assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 6 && y[3] == 10);
    }
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_nan_passes)};
    if (cpu_init() != SIGMOE_OK) return 1;
    int failures = check_kernels(&(check_operation){"sparse_gemm", SHAPES * VARIANTS, run});
    return (failures + cmocka_run_group_tests_name("sparse_gemm", tests, NULL, NULL)) != 0;
}
