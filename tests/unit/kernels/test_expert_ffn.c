#include "kernels/check.h"

#include "kernels/expert_ffn/expert_ffn.h"

// Which experts the slots of a token take: any; only the even ones; the first one and any others.
typedef enum choice { ANY, EVEN_ONLY, FIRST_ALWAYS } choice;

typedef struct shape {
    int64_t tokens, slots, experts, size, width;
    choice choice;
    bool mask;
    bool whole; // numbers are whole and small: sums are exact in any order, so that all roundings are alike
} shape;

static const shape shapes[] = {
    {0, 2, 3, 5, 7, ANY, false, false},
    {1, 1, 1, 1, 1, ANY, true, false},
    {1, 4, 16, 16, 7, ANY, false, false},
    {7, 2, 6, 3, 1, EVEN_ONLY, true, false},
    {13, 3, 3, 128, 33, ANY, true, false}, // K = N_E
    {30, 1, 4, 31, 15, FIRST_ALWAYS, false, false},
    {37, 4, 8, 128, 412, EVEN_ONLY, true, false},
    {97, 2, 9, 16, 63, ANY, false, false},
    {200, 2, 256, 16, 32, ANY, true, false},
    {599, 1, 5, 33, 17, FIRST_ALWAYS, true, false}, // an expert's rows in more than one range
    {640, 4, 16, 3, 7, ANY, false, false},
    {1500, 2, 4, 4, 9, ANY, true, false}, // more than one block of tokens
    {150, 2, 3, 29, 700, ANY, false, false},
    {30, 1, 2, 35, 910, ANY, true, false}, // gradients in more than one slice of d
    {75, 2, 5, 40, 33, ANY, true, true},
    {61, 1, 2, 64, 96, ANY, false, true},
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

// The same numbers as `type`.
static matrix converted(check_output *out, dtype type, matrix m) {
    if (type == TYPE_REAL) return m;
    bf16 *data = arena_take_raw(out->memory, (size_t)(m.rows * m.stride), sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < m.rows * m.stride; i++) data[i] = bf16_of((float)matrix_real(m)[i]);
    return (matrix){data, type, m.rows, m.cols, m.stride};
}

// Numbers for a shape: of variance `scale`², or whole ones up to `whole`.
static matrix numbers(check_output *out, const shape *s, int64_t rows, int64_t cols, int64_t gap,
    uint64_t key, double scale, double whole) {
    matrix m = check_matrix(out, rows, cols, gap, key);
    real *x = matrix_real(m);
    for (int64_t i = 0; i < m.rows * m.stride; i++)
        x[i] = s->whole ? (real)round(x[i] * whole / sqrt(3)) : x[i] * (real)scale;
    return m;
}

static real *vector(check_output *out, const shape *s, int64_t count, uint64_t key, double whole) {
    return matrix_real(numbers(out, s, 1, count, 0, key, 1, whole));
}

// Zero in every other place, as a hidden layer is.
static matrix hidden_layer(check_output *out, const shape *s, dtype type, int64_t pairs) {
    matrix m = numbers(out, s, pairs, s->size, 0, 7, 1, 100);
    for (int64_t i = 0; i < pairs * s->size; i++)
        if (matrix_real(m)[i] < 0) matrix_real(m)[i] = 0;
    return converted(out, type, m);
}

static void emit_operand(check_output *out, const char *name, matrix m, double tolerance) {
    double *values = check_new_array(out, name, m.rows * m.cols, tolerance);
    for (int64_t i = 0; i < m.rows * m.cols; i++)
        values[i] = m.type == TYPE_BF16 ? (double)bf16_value(matrix_bf16(m)[i]) : (double)matrix_real(m)[i];
}

// An implementation sums in another order than the reference. Where the sum is rounded to bf16 after that, the results may
// be neighbours, 2^-8 apart: hidden itself, and the gradient before the ReLU, of which a sum over many then has few.
typedef struct tolerances {
    double hidden, y, dx, dup, ddown, dweight;
} tolerances;

static const tolerances of_real = {1e-5, 2e-5, 1e-4, 1e-4, 1e-4, 1e-4},
                        of_bf16 = {8e-3, 2e-5, 2e-2, 4e-2, 1e-4, 1e-4}, of_whole = {0};

static void run_shape(const kernel_context *context, const shape *s, dtype type, check_output *out) {
    const tolerances *within = s->whole ? &of_whole : type == TYPE_BF16 ? &of_bf16 : &of_real;
    int64_t pairs = s->tokens * s->slots;
    double up_scale = 1 / sqrt((double)s->width), down_scale = 1 / sqrt((double)s->size);
    expert_grouping grouping = group(s, out);
    expert_ffn_call call = {.grouping = &grouping,
        .set = {.experts = s->experts,
            .width = s->width,
            .expert_size = s->size,
            .out_width = s->width,
            .up = converted(out, type, numbers(out, s, s->experts * s->width, s->size, 0, 2, up_scale, 3)),
            .down =
                converted(out, type, numbers(out, s, s->experts * s->size, s->width, 0, 3, down_scale, 3))},
        .x = converted(out, type, numbers(out, s, s->tokens, s->width, 3, 1, 1, 3)),
        .weight = vector(out, s, pairs, 4, 50),
        .hidden = converted(out, type, numbers(out, s, pairs, s->size, 0, 5, 1, 3)),
        .mask = s->mask ? vector(out, s, pairs * s->size, 6, 3) : NULL};
    for (int64_t p = 0; p < pairs; p += 3) ((real *)call.weight)[p] = 0;
    assert_int_equal(expert_ffn_up(context, &call), SIGMOE_OK);
    emit_operand(out, "hidden", call.hidden, within->hidden);

    // From here on with a hidden layer that is the same for every implementation.
    call.hidden = hidden_layer(out, s, type, pairs);
    matrix y = check_matrix(out, s->tokens, s->width, 2, 8);
    assert_int_equal(expert_ffn_down(context, &call, y), SIGMOE_OK);
    check_emit_matrix(out, "y", y, within->y);

    expert_ffn_gradients gradients = {
        .dy = converted(out, type, numbers(out, s, s->tokens, s->width, 1, 9, 1, 3)),
        .dx = check_matrix(out, s->tokens, s->width, 4, 10),
        .dup = numbers(out, s, s->experts * s->width, s->size, 0, 11, 1, 3),
        .ddown = numbers(out, s, s->experts * s->size, s->width, 0, 12, 1, 3),
        .dweight = check_vector(out, pairs, 13)};
    assert_int_equal(expert_ffn_backward(context, &call, &gradients), SIGMOE_OK);
    check_emit_matrix(out, "dx", gradients.dx, within->dx);
    check_emit_matrix(out, "dup", gradients.dup, within->dup);
    check_emit_matrix(out, "ddown", gradients.ddown, within->ddown);
    check_emit(out, "dweight", gradients.dweight, pairs, within->dweight);

    int64_t one = s->size * s->width;
    const real *dup = vector(out, s, s->experts * one, 11, 3),
               *ddown = vector(out, s, s->experts * one, 12, 3);
    for (int64_t e = 0; e < s->experts; e++) {
        if (grouping.offset[e] != grouping.offset[e + 1]) continue;
        assert_memory_equal(matrix_real(gradients.dup) + e * one, dup + e * one, (size_t)one * sizeof *dup);
        assert_memory_equal(
            matrix_real(gradients.ddown) + e * one, ddown + e * one, (size_t)one * sizeof *ddown);
    }
}

static void run(const kernel_context *context, int index, check_output *out) {
    run_shape(context, &shapes[index], TYPE_REAL, out);
}
static void run_bf16(const kernel_context *context, int index, check_output *out) {
    run_shape(context, &shapes[index], TYPE_BF16, out);
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
    expert_ffn_call call = {.grouping = &grouping,
        .set = {.experts = 2,
            .width = 2,
            .expert_size = 2,
            .out_width = 2,
            .up = matrix_of(up, 4, 2),
            .down = matrix_of(down, 4, 2)},
        .x = matrix_of(x, 1, 2),
        .hidden = matrix_of(hidden, 2, 2),
        .weight = weight,
        .mask = mask};
    assert_int_equal(expert_ffn_up(&c, &call), SIGMOE_OK);
    const real hidden_expected[] = {1, 0, 5, 0};
    for (int i = 0; i < 4; i++) assert_true(hidden[i] == hidden_expected[i]);
    assert_int_equal(expert_ffn_down(&c, &call, matrix_of(y, 1, 2)), SIGMOE_OK);
    assert_true(y[0] == 6 + 2.5 && y[1] == 12 - 2.5); // 3 · 2 · 1 · (1, 2) + 0.5 · 5 · (1, -1)

    real dy[] = {1, 10}, dx[2], dup[8] = {0}, ddown[8] = {0}, dweight[2];
    expert_ffn_gradients gradients = {.dy = matrix_of(dy, 1, 2),
        .dx = matrix_of(dx, 1, 2),
        .dup = matrix_of(dup, 4, 2),
        .ddown = matrix_of(ddown, 4, 2),
        .dweight = dweight};
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

// Rounding by hand: x · W1 = 1 + 2^-8 is a tie and becomes 1; weight · hidden = (1 + 2^-7)² = 1 + 2^-6 + 2^-14 loses its
// last bit before it meets W2, where the gradient of the weight takes hidden as it is.
static void bf16_reference_rounds(void **state) {
    (void)state;
    kernel_context c;
    assert_int_equal(threads_create(1, &c.threads), SIGMOE_OK);
    assert_int_equal(arena_create("expert test", &c.scratch), SIGMOE_OK);
    kernel_force("ref");
    const int64_t offset[] = {0, 1};
    const int32_t pair[] = {0}, position[] = {0};
    expert_grouping grouping = {1, 1, 1, offset, pair, position};
    bf16 x[] = {bf16_of(1), bf16_of(0x1p-8f)}, up[] = {bf16_of(1), bf16_of(1)},
         down[] = {bf16_of(1), bf16_of(2)};
    bf16 hidden, dy[] = {bf16_of(1), bf16_of(1)};
    const real step = (real)1 + (real)0x1p-7, weight = step;
    expert_ffn_call call = {.grouping = &grouping,
        .set = {.experts = 1,
            .width = 2,
            .expert_size = 1,
            .out_width = 2,
            .up = {up, TYPE_BF16, 2, 1, 1},
            .down = {down, TYPE_BF16, 1, 2, 2}},
        .x = {x, TYPE_BF16, 1, 2, 2},
        .hidden = {&hidden, TYPE_BF16, 1, 1, 1},
        .weight = &weight};
    assert_int_equal(expert_ffn_up(&c, &call), SIGMOE_OK);
    assert_int_equal(hidden, bf16_of(1));
    hidden = bf16_of((float)step);
    real y[2], dx[2], dup[2] = {0}, ddown[2] = {0}, dweight;
    const real rounded = (real)1 + (real)0x1p-6;
    assert_int_equal(expert_ffn_down(&c, &call, matrix_of(y, 1, 2)), SIGMOE_OK);
    assert_true(y[0] == rounded && y[1] == 2 * rounded);
    expert_ffn_gradients gradients = {.dy = {dy, TYPE_BF16, 1, 2, 2},
        .dx = matrix_of(dx, 1, 2),
        .dup = matrix_of(dup, 2, 1),
        .ddown = matrix_of(ddown, 1, 2),
        .dweight = &dweight};
    assert_int_equal(expert_ffn_backward(&c, &call, &gradients), SIGMOE_OK);
    assert_true(dweight == 3 * step && ddown[0] == rounded && ddown[1] == rounded);
    const real dhidden =
        3 + (real)0x1p-5; // 3 · (1 + 2^-7) lies between 3 + 2^-6 and 3 + 2^-5, nearest to neither: to even
    assert_true(dx[0] == dhidden && dx[1] == dhidden);
    assert_true(dup[0] == dhidden && dup[1] == (real)0x1p-8 * dhidden);
    kernel_force(NULL);
    threads_destroy(c.threads);
    arena_destroy(c.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_on_known_values), cmocka_unit_test(bf16_reference_rounds)};
    int failures = cmocka_run_group_tests_name("expert_ffn reference", tests, NULL, NULL);
    failures += check_kernels(&(check_operation){"expert_ffn", SHAPES, run});
    failures += check_kernels(&(check_operation){"expert_ffn_bf16", SHAPES, run_bf16});
    return failures != 0;
}
