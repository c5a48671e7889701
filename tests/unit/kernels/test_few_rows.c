// Products of few rows: every number of rows, shapes that are no multiple of anything, both orders of the weights, and rows that
// have the same bits whichever are beside them.
#include "kernels/dense_gemm/few_rows.h"

#include "base/quantization.h"
#include "kernels/check_bf16.h"
#include "kernels/dense_gemm/dense_gemm.h"

typedef struct shape {
    int64_t n, k, gap;
} shape;

// The last two: several tasks of the pool, with columns left over.
static const shape shapes[] = {{1, 1, 0}, {5, 3, 2}, {17, 16, 0}, {31, 33, 1}, {64, 32, 0}, {70, 95, 3},
    {3, 0, 1}, {0, 4, 0}, {41, 412, 5}, {205, 412, 0}, {131, 2053, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes, VARIANTS = 4 };

static matrix drawn(check_output *out, dtype type, int64_t rows, int64_t cols, int64_t gap, uint64_t key) {
    return check_converted(out, type, check_matrix(out, rows, cols, gap, key));
}

// Number of rows, then transposed or not, accumulated or not; not accumulated, shapes take turns in what follows the sum.
static gemm_call make_call(check_output *out, int index, dtype type) {
    const shape *s = &shapes[index % SHAPES];
    int rest = index / SHAPES, variant = rest % VARIANTS;
    int64_t rows = 1 + rest / VARIANTS;
    gemm_call call = {.transpose_b = variant & 1, .accumulate = variant >> 1};
    int then = call.accumulate ? 0 : index % SHAPES + variant;
    call.relu = then & 1;
    if (then & 2) call.bias = check_vector(out, s->n, 5);
    call.a = drawn(out, type, rows, s->k, s->gap, 1);
    call.b = drawn(out, type, call.transpose_b ? s->n : s->k, call.transpose_b ? s->k : s->n, s->gap, 2);
    call.c = check_matrix(out, rows, s->n, s->gap, 3);
    return call;
}

static double tolerance_of(int index) {
    return 4.0 * (double)(shapes[index % SHAPES].k + 1) * REAL_EPSILON;
}

static void run(const kernel_context *context, int index, check_output *out) {
    gemm_call call = make_call(out, index, TYPE_REAL);
    assert_true(few_rows_serve(&call));
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_matrix(out, "c", call.c, tolerance_of(index));
}

static void run_bf16(const kernel_context *context, int index, check_output *out) {
    gemm_call call = make_call(out, index, TYPE_BF16);
    assert_true(few_rows_serve(&call));
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_matrix(out, "c", call.c, tolerance_of(index));
    if (call.accumulate) return;
    call.c = check_converted(out, TYPE_BF16, check_matrix(out, call.c.rows, call.c.cols, 2, 3));
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_any(out, "rounded c", call.c, CHECK_BF16_NEIGHBOURS + tolerance_of(index));
}

// m in 8 bits, with the same gaps between its rows.
static matrix in_8_bits(check_output *out, matrix m) {
    matrix q = {NULL, TYPE_I8, m.rows, m.cols, m.stride, NULL};
    int8_t *numbers = arena_take(out->memory, (size_t)(m.rows * m.stride + 1), 1);
    float *scale = arena_take(out->memory, (size_t)m.rows + 1, sizeof *scale);
    assert_true(numbers && scale);
    for (int64_t r = 0; r < m.rows; r++)
        quantize_rows(matrix_row(m, r), 1, m.cols, numbers + r * m.stride, scale + r);
    q.data = numbers;
    q.scale = scale;
    return q;
}

static void run_i8(const kernel_context *context, int index, check_output *out) {
    gemm_call call = make_call(out, index, TYPE_REAL);
    call.b = in_8_bits(out, call.b);
    assert_true(few_rows_serve(&call));
    assert_int_equal(dense_gemm(context, &call), SIGMOE_OK);
    check_emit_matrix(out, "c", call.c, tolerance_of(index));
}

static kernel_context context;
static check_output out;

static int set_up(void **state) {
    (void)state;
    kernel_force(NULL);
    return threads_create(2, &context.threads) != SIGMOE_OK ||
           arena_create("scratch", &context.scratch) != SIGMOE_OK ||
           arena_create("test", &out.memory) != SIGMOE_OK;
}

static int tear_down(void **state) {
    (void)state;
    threads_destroy(context.threads);
    arena_destroy(context.scratch);
    arena_destroy(out.memory);
    return 0;
}

static void a_row_is_as_alone(void **state) {
    (void)state;
    for (int type = TYPE_REAL; type <= TYPE_BF16; type++)
        for (int transposed = 0; transposed < 2; transposed++) {
            enum { N = 75, K = 430 };
            gemm_call call = {.transpose_b = transposed,
                .a = drawn(&out, (dtype)type, FEW_ROWS, K, 1, 1),
                .b = drawn(&out, (dtype)type, transposed ? N : K, transposed ? K : N, 0, 2)};
            real all[FEW_ROWS][N], alone[N];
            for (int64_t rows = 1; rows <= FEW_ROWS; rows++) {
                gemm_call some = call;
                some.a.rows = rows;
                some.c = matrix_of(all[0], rows, N);
                assert_int_equal(dense_gemm(&context, &some), SIGMOE_OK);
                for (int64_t r = 0; r < rows; r++) {
                    some.a = matrix_part(call.a, r, 1, 0, K);
                    some.c = matrix_of(alone, 1, N);
                    assert_int_equal(dense_gemm(&context, &some), SIGMOE_OK);
                    assert_memory_equal(alone, all[r], sizeof alone);
                }
            }
        }
}

// 8 bits are what they stand for: in few rows, and in many, where a widened copy is multiplied.
static void numbers_stand_for_weights(void **state) {
    (void)state;
    enum { N = 75, K = 130, MANY = 40 };
    for (int transposed = 0; transposed < 2; transposed++)
        for (int64_t rows = 3; rows <= MANY; rows += MANY - 3) {
            matrix b = check_matrix(&out, transposed ? N : K, transposed ? K : N, 0, 2);
            matrix q = in_8_bits(&out, b);
            real narrow[MANY * N], wide[MANY * N];
            gemm_call call = {.transpose_b = transposed,
                .a = check_matrix(&out, rows, K, 1, 1),
                .b = q,
                .c = matrix_of(narrow, rows, N)};
            assert_int_equal(dense_gemm(&context, &call), SIGMOE_OK);
            dequantize_rows(q.data, q.scale, b.rows, b.cols, b.data);
            call.b = b;
            call.c = matrix_of(wide, rows, N);
            assert_int_equal(dense_gemm(&context, &call), SIGMOE_OK);
            for (int64_t i = 0; i < rows * N; i++) assert_true(fabsf(narrow[i] - wide[i]) <= 2e-4f);
            assert_int_equal(arena_bytes(context.scratch), 0);
        }
}

static void which_calls_are_served(void **state) {
    (void)state;
    gemm_call call = {
        .a = {NULL, TYPE_REAL, FEW_ROWS, 3, 3, NULL}, .c = {NULL, TYPE_REAL, FEW_ROWS, 4, 4, NULL}};
    assert_true(few_rows_serve(&call));
    kernel_force("avx512"); // of tiles
    assert_false(few_rows_serve(&call));
    kernel_force(NULL);
    call.transpose_a = true;
    assert_false(few_rows_serve(&call));
    call.transpose_a = false;
    call.c.rows++;
    assert_false(few_rows_serve(&call));
}

static void short_memory(void **state) {
    (void)state;
    gemm_call call = {.transpose_b = true,
        .a = drawn(&out, TYPE_BF16, 2, 50, 0, 1),
        .b = drawn(&out, TYPE_BF16, 30, 50, 0, 2),
        .c = check_matrix(&out, 2, 30, 0, 3)};
    sigmoe_status status = SIGMOE_NO_MEMORY;
    int failures = -1;
    for (int64_t successes = 0; status != SIGMOE_OK; successes++, failures++) {
        arena_fail_after(successes);
        status = dense_gemm(&context, &call);
        arena_fail_after(-1);
        assert_true(status == SIGMOE_OK || status == SIGMOE_NO_MEMORY);
        assert_int_equal(arena_bytes(context.scratch), 0);
    }
    assert_int_equal(failures, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_as_alone),
        cmocka_unit_test(numbers_stand_for_weights),
        cmocka_unit_test(which_calls_are_served),
        cmocka_unit_test(short_memory),
    };
    if (cpu_init() != SIGMOE_OK) return 1;
    int failures =
        check_kernels(&(check_operation){"dense_gemm_few", SHAPES * VARIANTS * FEW_ROWS, run}) +
        check_kernels(&(check_operation){"dense_gemm_few_bf16", SHAPES * VARIANTS * FEW_ROWS, run_bf16}) +
        check_kernels(&(check_operation){"dense_gemm_few_i8", SHAPES * VARIANTS * FEW_ROWS, run_i8});
    // Last: what runs in this process fixes the level of the library for the children.
    return failures + cmocka_run_group_tests(tests, set_up, tear_down);
}
