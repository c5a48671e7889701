#include "kernels/check.h"

#include "kernels/product_key/product_key.h"

// Distinct numbers; few distinct values; numbers whose small differences vanish in the sums; one half constant; infinities and NaN.
typedef enum kind { NORMAL, TIES, ABSORBED, CONSTANT, SPECIAL } kind;

typedef struct shape {
    int64_t rows, n, count;
    kind kind;
} shape;

static const shape shapes[] = {{0, 3, 2, NORMAL}, {1, 2, 1, NORMAL}, {7, 2, 1, ABSORBED}, {40, 5, 4, TIES},
    {40, 5, 1, ABSORBED}, {40, 9, 5, ABSORBED}, {40, 9, 8, CONSTANT}, {20, 31, 7, TIES},
    {20, 31, 30, ABSORBED}, {20, 12, 11, SPECIAL}, {10, 46, 32, NORMAL}, {5, 89, 64, TIES},
    {3, 130, 128, NORMAL}, {150, 17, 16, NORMAL}}; // the last: 10 blocks
enum { SHAPES = sizeof shapes / sizeof *shapes };

static matrix half_of(const shape *s, check_output *out, uint64_t key) {
    matrix half = check_matrix(out, s->rows, s->n, 1, key);
    real *x = matrix_real(half);
    for (int64_t i = 0; i < s->rows * half.stride; i++) {
        if (s->kind == TIES) x[i] = (real)floor(2 * (double)x[i]);
        // The sum's step is 1/8 of the scale: ranks inside a half differ where sums are equal.
        if (s->kind == ABSORBED) x[i] = key == 1 ? x[i] * (real)0.25 : floor(x[i]) + 1 / REAL_EPSILON / 8;
        if (s->kind == CONSTANT && key == 1) x[i] = 1;
        if (s->kind == SPECIAL && i % 5 == 0) x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
    }
    return half;
}

static void run(const kernel_context *context, int index, check_output *out) {
    const shape *s = &shapes[index];
    matrix a = half_of(s, out, 1), b = half_of(s, out, 2);
    real *scores = check_vector(out, s->rows * s->count, 3);
    int32_t *indices = arena_take(out->memory, (size_t)(s->rows * s->count), sizeof *indices);
    assert_int_equal(product_key_search(context, a, b, s->count, scores, indices), SIGMOE_OK);
    check_emit(out, "scores", scores, s->rows * s->count, 0);
    check_emit_indices(out, "indices", indices, s->rows * s->count);
}

// Sums 5, 4, 4, 4, 3 ...: of the three equal ones the two with the lowest indices.
static void reference_on_known_values(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("product key test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    real a[] = {2, 0, 1, 3}, b[] = {1, 2, 0, 1}, scores[3];
    int32_t indices[3];
    assert_int_equal(
        product_key_search(&c, matrix_of(a, 1, 4), matrix_of(b, 1, 4), 3, scores, indices), SIGMOE_OK);
    assert_true(scores[0] == 5 && scores[1] == 4 && scores[2] == 4);
    assert_true(indices[0] == 3 * 4 + 1 && indices[1] == 0 * 4 + 1 && indices[2] == 3 * 4 + 0);
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_on_known_values)};
    int failures = cmocka_run_group_tests_name("product_key reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"product_key", SHAPES, run})) != 0;
}
