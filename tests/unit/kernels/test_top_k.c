#include "kernels/check.h"

#include "kernels/top_k/top_k.h"

// What the scores look like: distinct numbers; few distinct values; a ReLU's output; every special value; all equal.
typedef enum kind { NORMAL, TIES, RELU, SPECIAL, EQUAL } kind;

typedef struct shape {
    int64_t rows, n, k;
    kind kind;
} shape;

static const shape shapes[] = {{0, 5, 2, NORMAL}, {1, 1, 1, NORMAL}, {3, 2, 2, TIES}, {41, 16, 4, NORMAL},
    {41, 16, 4, TIES}, {41, 16, 8, SPECIAL}, {41, 15, 4, NORMAL}, {41, 9, 9, TIES}, {41, 8, 3, SPECIAL},
    {41, 7, 2, RELU}, {30, 17, 1, TIES}, {30, 31, 31, SPECIAL}, {30, 33, 17, SPECIAL}, {9, 256, 8, NORMAL},
    {9, 256, 8, RELU}, {9, 100, 64, TIES}, {9, 100, 64, EQUAL}, {9, 100, 7, EQUAL}, {9, 255, 100, RELU},
    {9, 255, 240, SPECIAL}, {3, 2053, 512, NORMAL}, {3, 2053, 512, RELU}, {3, 2053, 1500, RELU},
    {2, 16480, 512, NORMAL},
    // Long enough for a sample; its bounds include all, nothing or too little of a row.
    {9, 512, 256, RELU}, {9, 600, 7, EQUAL}, {9, 600, 100, EQUAL}, {9, 600, 300, TIES},
    {9, 600, 550, SPECIAL}, {9, 777, 60, SPECIAL}, {5, 2053, 1, NORMAL}, {5, 2053, 2053, NORMAL},
    {3000, 512, 128, NORMAL}, {700, 240, 4, NORMAL}}; // the last: 11 blocks
enum { SHAPES = sizeof shapes / sizeof *shapes };

static real special(uint32_t bits) {
    const real values[] = {
        NAN, INFINITY, -INFINITY, 0, (real)-0.0, 1, -1, 3e38f, -3e38f, 1e-45f, -1e-45f, NAN};
    return values[bits % (sizeof values / sizeof *values)];
}

static matrix scores_of(const shape *s, check_output *out) {
    matrix scores = check_matrix(out, s->rows, s->n, 3, 1);
    real *x = matrix_real(scores);
    for (int64_t i = 0; i < s->rows * scores.stride; i++) {
        if (s->kind == TIES) x[i] = (real)floor(2 * (double)x[i]) / 4;
        if (s->kind == RELU) x[i] = x[i] > (real)0.5 ? x[i] : 0;
        if (s->kind == EQUAL) x[i] = (real)-0.25;
        if (s->kind == SPECIAL)
            x[i] = special(random_bits((random_stream){.seed = 5, .purpose = RANDOM_TEST}, (uint64_t)i));
    }
    return scores;
}

// The definition: how many elements come before this one.
static int64_t rank_of(const real *x, int64_t n, int64_t i) {
    int64_t before = 0;
    for (int64_t j = 0; j < n; j++) {
        bool missing = isnan(x[i]), other_missing = isnan(x[j]);
        bool first = missing || other_missing ? missing && (!other_missing || j < i)
                                              : x[j] > x[i] || (x[j] == x[i] && j < i);
        before += j != i && first;
    }
    return before;
}

static void check_row(const real *x, int64_t n, int64_t k, const int32_t *indices) {
    for (int64_t r = 0; r < k; r++) {
        assert_in_range(indices[r], 0, n - 1);
        assert_int_equal(rank_of(x, n, indices[r]), r);
    }
}

static void run(const kernel_context *context, int index, check_output *out) {
    const shape *s = &shapes[index];
    matrix scores = scores_of(s, out);
    int32_t *indices = arena_take(out->memory, (size_t)(s->rows * s->k), sizeof *indices);
    int32_t *again = arena_take(out->memory, (size_t)s->k, sizeof *again);
    real *threshold = check_vector(out, s->rows, 2);
    assert_int_equal(top_k_rows(context, scores, s->k, indices), SIGMOE_OK);
    assert_int_equal(kth_largest_rows(context, scores, s->k, threshold), SIGMOE_OK);
    for (int64_t r = 0; r < s->rows; r++) {
        const real *x = matrix_real(scores) + r * scores.stride;
        if (s->n <= 256 && s->rows <= 41) check_row(x, s->n, s->k, indices + r * s->k);
        top_k_row(x, s->n, s->k, again);
        assert_memory_equal(again, indices + r * s->k, (size_t)s->k * sizeof *again);
        real last = x[indices[r * s->k + s->k - 1]];
        assert_true(isnan(last) ? threshold[r] == -INFINITY : threshold[r] == last);
    }
    check_emit_indices(out, "indices", indices, s->rows * s->k);
    check_emit(out, "threshold", threshold, s->rows, 0);
}

int main(void) {
    return check_kernels(&(check_operation){"top_k", SHAPES, run}) != 0;
}
