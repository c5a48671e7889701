#include "kernels/check_bf16.h"

#include "kernels/dense_gemm/dense_gemm.h"

typedef struct shape {
    int64_t m, n, k, gap;
} shape;

// The last five: at least nine tiles; long sums, of a weight's gradient, and of more than a piece is widened; rows enough to
// turn a transposed b, and to turn one with rows that share lines of the cache.
static const shape shapes[] = {{0, 5, 3, 0}, {5, 0, 3, 0}, {5, 3, 0, 2}, {1, 1, 1, 0}, {1, 17, 33, 3},
    {7, 1, 5, 1}, {16, 16, 16, 0}, {65, 63, 31, 5}, {33, 205, 412, 0}, {300, 130, 17, 7}, {577, 210, 41, 0},
    {40, 100, 1101, 1}, {70, 101, 770, 1}, {1030, 37, 19, 2}, {70, 512, 512, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

enum { VARIANTS = 8 };

static matrix operand(
    check_output *out, dtype type, bool transposed, int64_t rows, int64_t cols, int64_t gap, uint64_t key) {
    return check_converted(
        out, type, check_matrix(out, transposed ? cols : rows, transposed ? rows : cols, gap, key));
}

static void spoil(matrix m) {
    for (int64_t i = 0; i < m.rows; i++)
        for (int64_t j = 0; j < m.cols; j++) matrix_real(m)[i * m.stride + j] = NAN;
}

// The variants: transposed or not, accumulated or not. Not accumulated, what was in c, NaN too, is of no influence, and the
// shapes take turns in what follows the sum.
static gemm_call make_call(check_output *out, int index, dtype type) {
    shape s = shapes[index % SHAPES];
    int variant = index / SHAPES;
    gemm_call call = {
        .transpose_a = variant & 1, .transpose_b = variant >> 1 & 1, .accumulate = variant >> 2 & 1};
    int then = call.accumulate ? 0 : index % SHAPES + variant;
    call.relu = then & 1;
    if (then & 2) call.bias = check_vector(out, s.n, 5);
    call.a = operand(out, type, call.transpose_a, s.m, s.k, s.gap, 1);
    call.b = operand(out, type, call.transpose_b, s.k, s.n, s.gap, 2);
    call.c = check_matrix(out, s.m, s.n, s.gap, 3);
    if (!call.accumulate) spoil(call.c);
    return call;
}

// Of sums of k products of numbers of size 1, of which the result may be a small difference.
static double tolerance_of(shape s) {
    return 4.0 * (double)(s.k + 1) * REAL_EPSILON;
}

static void run_bf16(const kernel_context *context, int index, check_output *out) {
    shape s = shapes[index % SHAPES];
    gemm_call call = make_call(out, index, TYPE_BF16);
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_matrix(out, "c", call.c, tolerance_of(s));
    if (call.accumulate) return;
    call.c = check_converted(out, TYPE_BF16, check_matrix(out, s.m, s.n, s.gap, 3));
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_any(out, "rounded c", call.c, CHECK_BF16_NEIGHBOURS + tolerance_of(s));
}

static void run(const kernel_context *context, int index, check_output *out) {
    shape s = shapes[index % SHAPES];
    gemm_call call = make_call(out, index, TYPE_REAL);
    double tolerance = tolerance_of(s);
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_matrix(out, "c", call.c, tolerance);
}

// 1 + 2^-8 is a tie and goes to the even 1; added before the rounding, the bias breaks it. Negative sums come out as zeros.
static void bf16_is_rounded_once(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("dense_gemm test", &c.scratch), SIGMOE_OK);
    bf16 a[] = {bf16_of(1), bf16_of(0x1p-8f)}, b[] = {bf16_of(1), bf16_of(-1), bf16_of(1), bf16_of(1)}, y[2];
    const real bias[] = {(real)0x1p-12, (real)0.5};
    gemm_call call = {.a = {a, TYPE_BF16, 1, 2, 2, NULL},
        .b = {b, TYPE_BF16, 2, 2, 2, NULL},
        .c = {y, TYPE_BF16, 1, 2, 2, NULL}};
    for (int best = 0; best < 2; best++) {
        kernel_force(best ? NULL : "ref");
        call.bias = NULL, call.relu = false;
        assert_int_equal(dense_gemm(&c, &call), SIGMOE_OK);
        assert_true(bf16_value(y[0]) == 1 && bf16_value(y[1]) == -0.99609375f);
        call.bias = bias, call.relu = true;
        assert_int_equal(dense_gemm(&c, &call), SIGMOE_OK);
        assert_true(bf16_value(y[0]) == 1 + 0x1p-7f && bf16_value(y[1]) == 0);
    }
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

static double sum_of(const gemm_call *call, int64_t k, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t p = 0; p < k; p++)
        sum += (call->transpose_a ? matrix_at(call->a, p, i) : matrix_at(call->a, i, p)) *
               (call->transpose_b ? matrix_at(call->b, j, p) : matrix_at(call->b, p, j));
    if (call->bias) sum += call->bias[j];
    if (call->relu) sum = fmax(sum, 0);
    return call->accumulate ? sum + matrix_at(call->c, i, j) : sum;
}

// [m, n] holds small whole numbers, as all operands: so every sum is exact in any order.
static void expect_sums(const kernel_context *context, const gemm_call *call, int64_t k) {
    enum { MOST = 200 * 130 };
    static double expected[MOST];
    int64_t m = call->c.rows, n = call->c.cols;
    assert_true(m * n <= MOST);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) expected[i * n + j] = sum_of(call, k, i, j);
    assert_int_equal(dense_gemm(context, call), SIGMOE_OK);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) assert_true(matrix_at(call->c, i, j) == expected[i * n + j]);
}

static matrix whole_numbers(
    check_output *out, dtype type, int64_t rows, int64_t cols, int64_t gap, int seed) {
    matrix m = check_matrix(out, rows, cols, gap, 0);
    for (int64_t i = 0; i < rows * m.stride; i++) matrix_real(m)[i] = (real)((i * 7 + seed) * i % 11 - 5);
    return check_converted(out, type, m);
}

// All implementations share the split into tiles, and are held against the reference: so that and the best one are held against
// plain sums, of several tiles in both ways, and in small ones that differ in nothing but where their rows lie.
static void expect_the_formula(const char *implementation) {
    kernel_context c;
    kernel_force(implementation);
    check_output out = {.count = 0};
    assert_int_equal(threads_create(2, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("dense_gemm scratch", &c.scratch), SIGMOE_OK);
    assert_int_equal(arena_create("dense_gemm test", &out.memory), SIGMOE_OK);
    for (int variant = 0; variant < 256; variant++) {
        dtype type = variant & 1 ? TYPE_BF16 : TYPE_REAL;
        bool large = variant & 2, ta = variant & 4, tb = variant & 8;
        int64_t m = large ? 130 : 3, n = large ? 200 : 3, k = 5;
        int64_t gap_a = variant >> 4 & 1, gap_b = variant >> 5 & 1;
        gemm_call call = {.transpose_a = ta,
            .transpose_b = tb,
            .a = whole_numbers(&out, type, ta ? k : m, ta ? m : k, gap_a, 1),
            .b = whole_numbers(&out, type, tb ? n : k, tb ? k : n, gap_b, 2),
            .c = whole_numbers(&out, TYPE_REAL, m, n, 1, 3),
            .accumulate = variant >> 6 == 1,
            .relu = variant >> 6 == 2,
            .bias = variant >> 7 ? matrix_real(whole_numbers(&out, TYPE_REAL, 1, n, 0, 4)) : NULL};
        expect_sums(&c, &call, k);
    }
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
    arena_destroy(out.memory);
}

static void the_reference_is_the_formula(void **state) {
    (void)state;
    expect_the_formula("ref");
}
static void the_best_is_the_formula(void **state) {
    (void)state;
    expect_the_formula(NULL);
}

// Enough for AMX: a product that it takes in one register or many, in one block of its sums or several.
static bool is_small(int index) {
    shape s = shapes[index % SHAPES];
    return s.m * s.n * s.k <= 33 * 205 * 412 || s.k > 1000;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_reference_is_the_formula),
        cmocka_unit_test(the_best_is_the_formula), cmocka_unit_test(bf16_is_rounded_once)};
    if (cpu_init() != SIGMOE_OK) return 1;
    int failures =
        check_kernels(&(check_operation){"dense_gemm", SHAPES * VARIANTS, run}) +
        check_kernels_emulating(&(check_operation){"dense_gemm_bf16", SHAPES * VARIANTS, run_bf16}, is_small);
    // Last: what runs in this process fixes the level of the library for the children.
    failures += cmocka_run_group_tests_name("dense_gemm reference", tests, NULL, NULL);
    return failures != 0;
}
