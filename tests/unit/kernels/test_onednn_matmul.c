// The primitives that bf16 products take are made alike for f32, which every processor multiplies: so oneDNN's C interface,
// 2 or 3, is tried where nothing multiplies bf16, too.
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/dense_gemm/onednn_matmul.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { M = 5, N = 7, K = 9, GAP = 3, FLAGS = 128, MOST = 16 * 16 };

// Small integers, so that every order of a sum gives the same number.
static void fill(float *x, int64_t count, int64_t seed) {
    for (int64_t i = 0; i < count; i++) x[i] = (float)((i * 7 + seed * 5 + i / 11) % 9 - 4);
}

static float element(const float *x, int64_t stride, bool transposed, int64_t row, int64_t col) {
    return transposed ? x[col * stride + row] : x[row * stride + col];
}

static float expected(const onednn_matmul *what, const float *a, const float *b, const float *bias, float c,
    int64_t i, int64_t j) {
    float sum = what->flags & MATMUL_ACCUMULATE ? c : 0;
    if (what->flags & MATMUL_BIAS) sum += bias[j];
    for (int64_t l = 0; l < what->k; l++)
        sum += element(a, what->stride_a, what->flags & MATMUL_TRANSPOSE_A, i, l) *
               element(b, what->stride_b, what->flags & MATMUL_TRANSPOSE_B, l, j);
    return what->flags & MATMUL_RELU && sum < 0 ? 0 : sum;
}

static void check_product(int64_t n, int64_t flags, int64_t seed) {
    float a[MOST], b[MOST], bias[MOST], c[MOST], before[MOST];
    int64_t transpose_a = flags & MATMUL_TRANSPOSE_A, transpose_b = flags & MATMUL_TRANSPOSE_B;
    onednn_matmul what = {M, n, K, (transpose_a ? M : K) + GAP, (transpose_b ? K : n) + GAP, n + GAP, flags};
    fill(a, MOST, seed);
    fill(b, MOST, seed + 1);
    fill(bias, MOST, seed + 2);
    fill(c, MOST, seed + 3);
    fill(before, MOST, seed + 3);
    // A column whose elements are apart may be refused: then nothing is written.
    bool done = onednn_matmul_run(&what, a, b, bias, c);
    assert_true(done || n == 1);
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < n + GAP; j++) {
            int64_t at = i * what.stride_c + j;
            float right = done && j < n ? expected(&what, a, b, bias, before[at], i, j) : before[at];
            assert_true(c[at] == right);
        }
}

// Twice each: made, then kept; the other numbers at other addresses show that nothing of the first is kept.
static void test_every_form(void **state) {
    (void)state;
    for (int64_t flags = 0; flags < FLAGS; flags++) {
        if (flags & (MATMUL_BF16_OPERANDS | MATMUL_BF16_RESULT)) continue;
        check_product(N, flags, 1);
        check_product(N, flags, 2);
    }
}

// More shapes than a thread keeps.
static void test_forgotten_and_made_again(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++)
        for (int64_t flags = 0; flags < FLAGS; flags++) {
            if (flags & (MATMUL_BF16_OPERANDS | MATMUL_BF16_RESULT)) continue;
            for (int64_t n = 1; n <= 12; n++) check_product(n, flags, n);
        }
}

// libgomp's, as in onednn_matmul.c.
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

// Whatever program the library lives in may use OpenMP, too.
static void test_host_keeps_its_threads(void **state) {
    (void)state;
    for (int count = 1; count <= 3; count++) {
        omp_set_num_threads(count);
        check_product(N, 0, 1);
        assert_int_equal(omp_get_max_threads(), count);
    }
}

static void test_host_keeps_its_threads_in_all_products(void **state) {
    (void)state;
    kernel_context context;
    float a[4] = {1, 2, 3, 4}, c[4];
    bf16 rounded[4] = {bf16_of(1), bf16_of(2), bf16_of(3), bf16_of(4)};
    const gemm_call calls[] = {{.a = matrix_of(a, 2, 2), .b = matrix_of(a, 2, 2), .c = matrix_of(c, 2, 2)},
        {.a = {rounded, TYPE_BF16, 2, 2, 2, NULL},
            .b = {rounded, TYPE_BF16, 2, 2, 2, NULL},
            .c = matrix_of(c, 2, 2)}};
    assert_int_equal(threads_create(2, &context.threads), SIGMOE_OK);
    assert_int_equal(arena_create("oneDNN test", &context.scratch), SIGMOE_OK);
    omp_set_num_threads(3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dense_gemm(&context, &calls[i]), SIGMOE_OK);
        assert_true(c[0] == 7 && c[3] == 22);
        assert_int_equal(omp_get_max_threads(), 3);
    }
    threads_destroy(context.threads);
    arena_destroy(context.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_forgotten_and_made_again),
        cmocka_unit_test(test_host_keeps_its_threads),
        cmocka_unit_test(test_host_keeps_its_threads_in_all_products),
    };
    if (cpu_init() != SIGMOE_OK) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
