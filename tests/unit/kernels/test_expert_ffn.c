#include "kernels/check.h"

#include "kernels/expert_ffn/expert_ffn.h"

// Which experts the slots of a token take: any; only the even ones; the first one and any others.
typedef enum choice { ANY, EVEN_ONLY, FIRST_ALWAYS } choice;

typedef struct shape {
    int64_t tokens, slots, experts, size, width;
    choice choice;
    bool mask;
} shape;

static const shape shapes[] = {
    {0, 2, 3, 5, 7, ANY, false}, {1, 1, 1, 1, 1, ANY, true}, {1, 4, 16, 16, 7, ANY, false},
    {7, 2, 6, 3, 1, EVEN_ONLY, true}, {13, 3, 3, 128, 33, ANY, true}, // K = N_E
    {30, 1, 4, 31, 15, FIRST_ALWAYS, false}, {37, 4, 8, 128, 412, EVEN_ONLY, true},
    {97, 2, 9, 16, 63, ANY, false}, {200, 2, 256, 16, 32, ANY, true},
    {599, 1, 5, 33, 17, FIRST_ALWAYS, true},                       // an expert's rows in more than one range
    {640, 4, 16, 3, 7, ANY, false}, {1500, 2, 4, 4, 9, ANY, true}, // more than one block of tokens
    {150, 2, 3, 29, 700, ANY, false}, // more than one slice of d, at least 9 of all experts
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// The j-th of the experts that `token` takes: distinct for distinct j.
static int64_t expert_of(const shape *s, int64_t token, int64_t j) {
    int64_t among = s->choice == EVEN_ONLY ? (s->experts + 1) / 2 : s->experts;
    uint32_t start = random_bits((random_stream){.seed = 3, .purpose = RANDOM_TEST}, (uint64_t)token);
    int64_t e = (start % among + j) % among;
    if (s->choice == FIRST_ALWAYS) e = j == 0 ? 0 : 1 + e % (s->experts - 1);
    return s->choice == EVEN_ONLY ? 2 * e : e;
}

static expert_grouping group(const shape *s, check_output *out) {
    int64_t *offset = arena_take(out->memory, (size_t)s->experts + 1, sizeof *offset), n = 0;
    int32_t *pair = arena_take(out->memory, (size_t)(s->tokens * s->slots), sizeof *pair),
            *position = arena_take(out->memory, (size_t)(s->tokens * s->slots), sizeof *position);
    for (int64_t e = 0; e < s->experts; e++) {
        for (int64_t p = 0; p < s->tokens * s->slots; p++) {
            if (expert_of(s, p / s->slots, p % s->slots) != e) continue;
            position[p] = (int32_t)n;
            pair[n++] = (int32_t)p;
        }
        offset[e + 1] = n;
    }
    assert_int_equal(n, s->tokens * s->slots);
    return (expert_grouping){s->tokens, s->slots, s->experts, offset, pair, position};
}

static matrix scaled(check_output *out, int64_t rows, int64_t cols, uint64_t key, double scale) {
    real *x = check_vector(out, rows * cols, key);
    for (int64_t i = 0; i < rows * cols; i++) x[i] *= (real)scale;
    return matrix_of(x, rows, cols);
}

static void run(const kernel_context *context, int index, check_output *out) {
    const shape *s = &shapes[index];
    int64_t pairs = s->tokens * s->slots, weights = s->experts * s->size * s->width;
    expert_grouping grouping = group(s, out);
    expert_ffn_call call = {.grouping = &grouping,
        .width = s->width,
        .expert_size = s->size,
        .x = check_matrix(out, s->tokens, s->width, 3, 1),
        .up = scaled(out, s->experts * s->width, s->size, 2, 1 / sqrt((double)s->width)),
        .down = scaled(out, s->experts * s->size, s->width, 3, 1 / sqrt((double)s->size)),
        .weight = check_vector(out, pairs, 4),
        .hidden = matrix_of(check_vector(out, pairs * s->size, 5), pairs, s->size),
        .mask = s->mask ? check_vector(out, pairs * s->size, 6) : NULL};
    for (int64_t p = 0; p < pairs; p += 3) ((real *)call.weight)[p] = 0;
    assert_int_equal(expert_ffn_up(context, &call), SIGMOE_OK);
    real *hidden = matrix_real(call.hidden);
    check_emit(out, "hidden", hidden, pairs * s->size, 1e-5);

    // From here on with a hidden layer that has the same zeros for every implementation.
    check_fill(hidden, pairs * s->size, 7);
    for (int64_t i = 0; i < pairs * s->size; i++)
        if (hidden[i] < 0) hidden[i] = 0;
    matrix y = check_matrix(out, s->tokens, s->width, 2, 8);
    assert_int_equal(expert_ffn_down(context, &call, y), SIGMOE_OK);
    check_emit_matrix(out, "y", y, 2e-5);

    expert_ffn_gradients gradients = {.dy = check_matrix(out, s->tokens, s->width, 1, 9),
        .dx = check_matrix(out, s->tokens, s->width, 4, 10),
        .dup = check_vector(out, weights, 11),
        .ddown = check_vector(out, weights, 12),
        .dweight = check_vector(out, pairs, 13)};
    assert_int_equal(expert_ffn_backward(context, &call, &gradients), SIGMOE_OK);
    check_emit_matrix(out, "dx", gradients.dx, 1e-4);
    check_emit(out, "dup", gradients.dup, weights, 1e-4);
    check_emit(out, "ddown", gradients.ddown, weights, 1e-4);
    check_emit(out, "dweight", gradients.dweight, pairs, 1e-4);

    const real *dup = check_vector(out, weights, 11), *ddown = check_vector(out, weights, 12);
    int64_t one = s->size * s->width;
    for (int64_t e = 0; e < s->experts; e++) {
        if (grouping.offset[e] != grouping.offset[e + 1]) continue;
        assert_memory_equal(gradients.dup + e * one, dup + e * one, (size_t)one * sizeof *dup);
        assert_memory_equal(gradients.ddown + e * one, ddown + e * one, (size_t)one * sizeof *ddown);
    }
}

// One token, two experts, by hand: x = (1, 2); expert 0 has channels (1, -3), expert 1 has (5, 0).
static void reference_on_known_values(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("expert test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    const int64_t offset[] = {0, 1, 2};
    const int32_t pair[] = {1, 0}, position[] = {1, 0};
    expert_grouping grouping = {1, 2, 2, offset, pair, position};
    real x[] = {1, 2}, hidden[4], y[2];
    real up[] = {1, 1, 0, -2, /**/ 1, 0, 2, 0}, down[] = {1, 2, 7, 7, /**/ 1, -1, 7, 7};
    const real weight[] = {0.5, 2}, mask[] = {3, 3, 1, 1};
    expert_ffn_call call = {&grouping, 2, 2, matrix_of(x, 1, 2), matrix_of(up, 4, 2), matrix_of(down, 4, 2),
        matrix_of(hidden, 2, 2), weight, mask};
    assert_int_equal(expert_ffn_up(&c, &call), SIGMOE_OK);
    const real hidden_expected[] = {1, 0, 5, 0};
    for (int i = 0; i < 4; i++) assert_true(hidden[i] == hidden_expected[i]);
    assert_int_equal(expert_ffn_down(&c, &call, matrix_of(y, 1, 2)), SIGMOE_OK);
    assert_true(y[0] == 6 + 2.5 && y[1] == 12 - 2.5); // 3 · 2 · 1 · (1, 2) + 0.5 · 5 · (1, -1)

    real dy[] = {1, 10}, dx[2], dup[8] = {0}, ddown[8] = {0}, dweight[2];
    expert_ffn_gradients gradients = {matrix_of(dy, 1, 2), matrix_of(dx, 1, 2), dup, ddown, dweight};
    assert_int_equal(expert_ffn_backward(&c, &call, &gradients), SIGMOE_OK);
    // Channel 0 of expert 0: dy · (1, 2) = 21, of expert 1: dy · (1, -1) = -9; channels at 0 pass nothing.
    assert_true(dweight[1] == 3 * 1 * 21 && dweight[0] == 5 * -9);
    assert_true(dx[0] == 126 - 4.5 && dx[1] == 0 - 9);
    const real dup_expected[] = {126, 0, 252, 0, -4.5, 0, -9, 0},
               ddown_expected[] = {6, 60, 0, 0, 2.5, 25, 0, 0};
    for (int i = 0; i < 8; i++) assert_true(dup[i] == dup_expected[i] && ddown[i] == ddown_expected[i]);
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_on_known_values)};
    int failures = cmocka_run_group_tests_name("expert_ffn reference", tests, NULL, NULL);
    return (failures + check_kernels(&(check_operation){"expert_ffn", SHAPES, run})) != 0;
}
