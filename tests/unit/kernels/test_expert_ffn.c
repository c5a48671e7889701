#include "kernels/check.h"

#include "kernels/expert_ffn/expert_ffn.h"

// Which experts the slots of a token take: any; only the even ones; the first one and any others.
typedef enum choice { ANY, EVEN_ONLY, FIRST_ALWAYS } choice;

typedef struct shape {
    int64_t tokens, slots, experts, size, width;
    choice choice;
    bool mask;
    bool whole; // numbers are whole and small: sums are exact in any order, so that all roundings are alike
    // The rest is 0 for plain experts.
    sigmoe_activation activation;
    sigmoe_gate gate;
    sigmoe_expert_layout layout;
    int64_t out_width; // 0: width
    bool biased, skipping;
    bool rounded;   // y and all gradients are operands
    bool overwrite; // gradients
} shape;

static const shape shapes[] = {
    {0, 2, 3, 5, 7, .choice = ANY},
    {1, 1, 1, 1, 1, .choice = ANY, .mask = true},
    {1, 4, 16, 16, 7, .choice = ANY},
    {7, 2, 6, 3, 1, .choice = EVEN_ONLY, .mask = true},
    {13, 3, 3, 128, 33, .choice = ANY, .mask = true}, // K = N_E
    {30, 1, 4, 31, 15, .choice = FIRST_ALWAYS},
    {37, 4, 8, 128, 412, .choice = EVEN_ONLY, .mask = true},
    {97, 2, 9, 16, 63, .choice = ANY},
    {200, 2, 256, 16, 32, .choice = ANY, .mask = true},
    {599, 1, 5, 33, 17, .choice = FIRST_ALWAYS, .mask = true}, // an expert's rows in more than one range
    {640, 4, 16, 3, 7, .choice = ANY},
    {1500, 2, 4, 4, 9, .choice = ANY, .mask = true}, // more than one block of tokens
    {150, 2, 3, 29, 700, .choice = ANY},
    {30, 1, 2, 35, 910, .choice = ANY, .mask = true}, // gradients in more than one slice of d
    {75, 2, 5, 40, 33, .choice = ANY, .mask = true, .whole = true},
    {61, 1, 2, 64, 96, .choice = ANY, .whole = true},
    {75, 2, 5, 40, 33, .choice = ANY, .mask = true, .whole = true, .layout = SIGMOE_EXPERTS_EGD,
        .out_width = 21, .biased = true, .skipping = true},
    {61, 2, 3, 64, 96, .choice = ANY, .whole = true, .layout = SIGMOE_EXPERTS_EGD, .rounded = true,
        .overwrite = true},
    {1500, 2, 4, 5, 9, .choice = ANY, .mask = true, .gate = SIGMOE_GATE_FIRST, .out_width = 6, .biased = true,
        .skipping = true},
    // Gradients in more than one slice both ways, of each type.
    {50, 1, 2, 470, 500, .choice = ANY, .mask = true, .out_width = 20},
    {380, 1, 2, 290, 270, .choice = FIRST_ALWAYS, .mask = true, .layout = SIGMOE_EXPERTS_EGD,
        .rounded = true},
    // Large experts: many rows, several ranges, few rows, all kinds of them.
    {26, 1, 2, 520, 520, .choice = ANY, .mask = true, .activation = SIGMOE_SILU, .gate = SIGMOE_GATE_FIRST,
        .layout = SIGMOE_EXPERTS_EGD, .out_width = 300, .biased = true, .skipping = true, .rounded = true},
    {27, 1, 2, 517, 530, .choice = EVEN_ONLY, .activation = SIGMOE_GELU, .gate = SIGMOE_GATE_INTERLEAVED,
        .biased = true, .overwrite = true},
    {200, 1, 1, 230, 1210, .choice = ANY},
    {11, 1, 2, 525, 530, .choice = ANY, .mask = true, .activation = SIGMOE_GELU_TANH,
        .gate = SIGMOE_GATE_FIRST, .out_width = 90, .biased = true, .rounded = true},
    {12, 1, 4, 521, 531, .choice = EVEN_ONLY, .activation = SIGMOE_SILU, .gate = SIGMOE_GATE_INTERLEAVED,
        .layout = SIGMOE_EXPERTS_EGD, .skipping = true},
    {32, 1, 2, 600, 1000, .choice = ANY, .mask = true, .whole = true, .layout = SIGMOE_EXPERTS_EGD,
        .biased = true},
};
enum { LISTED = sizeof shapes / sizeof *shapes };

// Behind the shapes that are listed: every activation, gate and layout, with awkward sizes.
enum { ACTIVATIONS = 5, GATES = 3, LAYOUTS = 2, FORMS = ACTIVATIONS * GATES * LAYOUTS };
static shape form_at(int index) {
    static const int sizes[] = {1, 3, 15, 16, 17, 31, 33, 48, 70};
    return (shape){.tokens = 23 + index,
        .slots = 1 + index % 3,
        .experts = 4 + index % 5,
        .size = sizes[index % 9],
        .width = 5 + index * 7 % 60,
        .out_width = 3 + index * 5 % 47,
        .choice = index % 4 == 1 ? EVEN_ONLY : ANY,
        .mask = index % 2,
        .activation = (sigmoe_activation)(index % ACTIVATIONS),
        .gate = (sigmoe_gate)(index / ACTIVATIONS % GATES),
        .layout = (sigmoe_expert_layout)(index / ACTIVATIONS / GATES),
        .biased = index % 3 != 0,
        .skipping = index % 4 >= 2,
        .rounded = index % 5 < 2,
        .overwrite = index % 3 == 1};
}

// The j-th of the experts that `token` takes: distinct for distinct j; or -1.
static int64_t expert_of(const shape *s, int64_t token, int64_t j) {
    int64_t among = s->choice == EVEN_ONLY ? (s->experts + 1) / 2 : s->experts;
    uint32_t start = random_bits((random_stream){.seed = 3, .purpose = RANDOM_TEST}, (uint64_t)token);
    int64_t e = (start % among + j) % among;
    if (s->skipping && ((token * s->slots + j) % 5 == 3 || token % 11 == 4)) return -1;
    if (s->choice == FIRST_ALWAYS) e = j == 0 ? 0 : 1 + e % (s->experts - 1);
    return s->choice == EVEN_ONLY ? 2 * e : e;
}

static expert_grouping group(const shape *s, check_output *out) {
    int64_t *offset = arena_take(out->memory, (size_t)s->experts + 1, sizeof *offset), n = 0;
    int32_t *pair = arena_take(out->memory, (size_t)(s->tokens * s->slots), sizeof *pair),
            *position = arena_take(out->memory, (size_t)(s->tokens * s->slots), sizeof *position);
    for (int64_t p = 0; p < s->tokens * s->slots; p++) position[p] = -1;
    for (int64_t e = 0; e < s->experts; e++) {
        for (int64_t p = 0; p < s->tokens * s->slots; p++) {
            if (expert_of(s, p / s->slots, p % s->slots) != e) continue;
            position[p] = (int32_t)n;
            pair[n++] = (int32_t)p;
        }
        offset[e + 1] = n;
    }
    assert_true(s->skipping || n == s->tokens * s->slots);
    return (expert_grouping){s->tokens, s->slots, s->experts, offset, pair, position};
}

// The same numbers as `type`.
static matrix converted(check_output *out, dtype type, matrix m) {
    if (type == TYPE_REAL) return m;
    bf16 *data = arena_take_raw(out->memory, (size_t)(m.rows * m.stride), sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < m.rows * m.stride; i++) data[i] = bf16_of((float)matrix_real(m)[i]);
    return (matrix){data, type, m.rows, m.cols, m.stride, NULL};
}

// Numbers for a shape: of variance `scale`², or whole ones up to `whole`.
static matrix numbers(check_output *out, const shape *s, int64_t rows, int64_t cols, int64_t gap,
    uint64_t key, double scale, double whole) {
    enum { PERIOD = 10007 }; // drawing millions would take longer than everything else
    int64_t count = rows * (cols + gap);
    real *x = arena_take_raw(out->memory, (size_t)count, sizeof *x);
    assert_non_null(x);
    check_fill(x, count < PERIOD ? count : PERIOD, key);
    for (int64_t i = PERIOD; i < count; i++) x[i] = x[i - PERIOD];
    matrix m = {x, TYPE_REAL, rows, cols, cols + gap, NULL};
    for (int64_t i = 0; i < count; i++)
        x[i] = s->whole ? (real)round(x[i] * whole / sqrt(3)) + 0 : x[i] * (real)scale; // no -0
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

// With the gaps between rows.
static void emit(check_output *out, const char *name, matrix m, double tolerance) {
    double *values = check_new_array(out, name, m.rows * m.stride, tolerance);
    for (int64_t i = 0; i < m.rows * m.stride; i++)
        values[i] = m.type == TYPE_BF16 ? (double)bf16_value(matrix_bf16(m)[i]) : (double)matrix_real(m)[i];
}

// An implementation sums in another order than the reference. Where the sum is rounded to bf16 after that, the results may
// be neighbours, 2^-8 apart: hidden itself, and the gradient before the activation, of which a sum over many then has few.
typedef struct tolerances {
    double hidden, y, dx, dup, ddown, dweight, rounded;
} tolerances;

static const tolerances of_real = {1e-5, 2e-5, 1e-4, 1e-4, 1e-4, 1e-4, 0},
                        of_bf16 = {8e-3, 2e-5, 2e-2, 4e-2, 1e-4, 1e-4, 8e-3}, of_whole = {0};

// A shape, its numbers, and what is expected of them.
typedef struct check_run_state {
    const kernel_context *context;
    const shape *s;
    dtype type;
    const tolerances *within;
    expert_grouping grouping;
    expert_ffn_call call;
} check_run_state;

static double rounded_within(const check_run_state *r, double tolerance) {
    return r->s->rounded ? fmax(tolerance, r->within->rounded) : tolerance;
}

// An output: `m`, or as an operand.
static matrix output(const check_run_state *r, check_output *out, matrix m) {
    return r->s->rounded ? converted(out, r->type, m) : m;
}

static void make_call(check_run_state *r, check_output *out) {
    const shape *s = r->s;
    int64_t pairs = s->tokens * s->slots, out_width = s->out_width ? s->out_width : s->width;
    double up_scale = 1 / sqrt((double)s->width), down_scale = 1 / sqrt((double)s->size);
    expert_set *set = &r->call.set;
    r->grouping = group(s, out);
    *set = (expert_set){.experts = s->experts,
        .width = s->width,
        .expert_size = s->size,
        .out_width = out_width,
        .activation = s->activation,
        .gate = s->gate,
        .layout = s->layout};
    bool edg = s->layout == SIGMOE_EXPERTS_EDG;
    int64_t channels = expert_channels(set), e = s->experts;
    matrix up = edg ? numbers(out, s, e * s->width, channels, 0, 2, up_scale, 3)
                    : numbers(out, s, e * channels, s->width, 0, 2, up_scale, 3);
    matrix down = edg ? numbers(out, s, e * s->size, out_width, 0, 3, down_scale, 3)
                      : numbers(out, s, e * out_width, s->size, 0, 3, down_scale, 3);
    set->up = converted(out, r->type, up);
    set->down = converted(out, r->type, down);
    if (s->biased) {
        set->up_bias = converted(out, r->type, numbers(out, s, e, channels, 0, 14, 1, 3));
        set->down_bias = converted(out, r->type, numbers(out, s, e, out_width, 0, 15, 1, 3));
    }
    r->call.grouping = &r->grouping;
    r->call.x = converted(out, r->type, numbers(out, s, s->tokens, s->width, 3, 1, 1, 3));
    r->call.weight = vector(out, s, pairs, 4, 50);
    r->call.hidden = converted(out, r->type, numbers(out, s, pairs, s->size, 0, 5, 1, 3));
    r->call.mask = s->mask ? vector(out, s, pairs * s->size, 6, 3) : NULL;
    if (experts_need_before(set))
        r->call.before = converted(out, r->type, numbers(out, s, pairs, channels, 0, 16, 1, 3));
    for (int64_t p = 0; p < pairs; p += 3) ((real *)r->call.weight)[p] = 0;
}

static bool same_bits(matrix a, matrix b) {
    return memcmp(a.data, b.data, (size_t)(a.rows * a.stride) * dtype_size(a.type)) == 0;
}

// With packed weights, and without what the backward needs, results have the same bits.
static void check_packed(check_run_state *r, check_output *out, matrix y) {
    expert_ffn_call call = r->call;
    int64_t bytes = expert_ffn_packed_bytes(&call.set);
    void *packed = arena_take_raw(out->memory, (size_t)bytes, 1);
    assert_non_null(packed);
    if (bytes > 0) {
        expert_ffn_pack(r->context, &call.set, packed);
        call.packed = packed;
    }
    matrix again = output(r, out, check_matrix(out, y.rows, y.cols, y.stride - y.cols, 8));
    assert_int_equal(expert_ffn_down(r->context, &call, again), SIGMOE_OK);
    assert_true(same_bits(y, again));
    expert_ffn_call kept = r->call;
    kept.hidden = converted(out, r->type, numbers(out, r->s, call.hidden.rows, call.hidden.cols, 0, 5, 1, 3));
    call.hidden = converted(out, r->type, numbers(out, r->s, call.hidden.rows, call.hidden.cols, 0, 5, 1, 3));
    if (kept.before.data)
        kept.before = converted(out, r->type, check_matrix(out, kept.before.rows, kept.before.cols, 0, 16));
    call.before.data = NULL;
    assert_int_equal(expert_ffn_up(r->context, &kept), SIGMOE_OK);
    assert_int_equal(expert_ffn_up(r->context, &call), SIGMOE_OK);
    assert_true(same_bits(kept.hidden, call.hidden));
}

static expert_ffn_gradients new_gradients(const check_run_state *r, check_output *out) {
    const shape *s = r->s;
    const expert_set *set = &r->call.set;
    int64_t channels = expert_channels(set);
    expert_ffn_gradients g = {.overwrite = s->overwrite};
    g.dy = converted(out, r->type, numbers(out, s, s->tokens, set->out_width, 1, 9, 1, 3));
    g.dx = output(r, out, check_matrix(out, s->tokens, s->width, 4, 10));
    g.dup = output(r, out, numbers(out, s, set->up.rows, set->up.cols, 0, 11, 1, 3));
    g.ddown = output(r, out, numbers(out, s, set->down.rows, set->down.cols, 0, 12, 1, 3));
    g.dup_bias = output(r, out, numbers(out, s, s->experts, channels, 0, 17, 1, 3));
    g.ddown_bias = output(r, out, numbers(out, s, s->experts, set->out_width, 0, 18, 1, 3));
    g.dweight = check_vector(out, s->tokens * s->slots, 13);
    return g;
}

static void check_unpicked(const check_run_state *r, matrix gradient, matrix before) {
    int64_t each = gradient.rows / r->s->experts * gradient.cols;
    size_t size = dtype_size(gradient.type);
    for (int64_t e = 0; e < r->s->experts; e++) {
        const char *now = (char *)gradient.data + (size_t)(e * each) * size,
                   *old = (char *)before.data + (size_t)(e * each) * size;
        if (r->grouping.offset[e] != r->grouping.offset[e + 1]) continue;
        for (size_t i = 0; i < (size_t)each * size; i++)
            assert_true(now[i] == (r->s->overwrite ? 0 : old[i]));
    }
}

// Each gradient alone has the same bits.
static void check_alone(const check_run_state *r, check_output *out, const expert_ffn_gradients *all) {
    const matrix *together[] = {&all->dx, &all->dup, &all->ddown, &all->dup_bias, &all->ddown_bias};
    for (int kept = 0; kept <= 5; kept++) {
        expert_ffn_gradients g = new_gradients(r, out);
        matrix *single[] = {&g.dx, &g.dup, &g.ddown, &g.dup_bias, &g.ddown_bias};
        for (int i = 0; i < 5; i++)
            if (i != kept) single[i]->data = NULL;
        if (kept != 5) g.dweight = NULL;
        assert_int_equal(expert_ffn_backward(r->context, &r->call, &g), SIGMOE_OK);
        if (kept < 5)
            assert_true(same_bits(*together[kept], *single[kept]));
        else
            assert_memory_equal(
                all->dweight, g.dweight, (size_t)(r->s->tokens * r->s->slots) * sizeof *g.dweight);
    }
}

static void run_shape(const kernel_context *context, int index, dtype type, check_output *out) {
    shape form = index < LISTED ? shapes[index] : form_at(index - LISTED);
    const shape *s = &form;
    check_run_state r = {.context = context,
        .s = s,
        .type = type,
        .within = s->whole            ? &of_whole
                  : type == TYPE_BF16 ? &of_bf16
                                      : &of_real};
    const tolerances *within = r.within;
    make_call(&r, out);
    assert_int_equal(expert_ffn_up(context, &r.call), SIGMOE_OK);
    emit(out, "hidden", r.call.hidden, within->hidden);
    if (r.call.before.data) emit(out, "before", r.call.before, within->hidden);

    // From here on with hidden layers that are the same for every implementation.
    int64_t pairs = s->tokens * s->slots;
    r.call.hidden = hidden_layer(out, s, type, pairs);
    if (r.call.before.data)
        r.call.before = converted(out, type, numbers(out, s, pairs, r.call.before.cols, 0, 19, 1, 3));
    matrix y = output(&r, out, check_matrix(out, s->tokens, r.call.set.out_width, 2, 8));
    assert_int_equal(expert_ffn_down(context, &r.call, y), SIGMOE_OK);
    emit(out, "y", y, rounded_within(&r, within->y));

    expert_ffn_gradients g = new_gradients(&r, out);
    assert_int_equal(expert_ffn_backward(context, &r.call, &g), SIGMOE_OK);
    emit(out, "dx", g.dx, rounded_within(&r, within->dx));
    emit(out, "dup", g.dup, rounded_within(&r, within->dup));
    emit(out, "ddown", g.ddown, rounded_within(&r, within->ddown));
    emit(out, "dup_bias", g.dup_bias, rounded_within(&r, within->dup));
    emit(out, "ddown_bias", g.ddown_bias, rounded_within(&r, within->ddown));
    check_emit(out, "dweight", g.dweight, pairs, within->dweight);
    expert_ffn_gradients untouched = new_gradients(&r, out);
    check_unpicked(&r, g.dup, untouched.dup);
    check_unpicked(&r, g.ddown, untouched.ddown);
    check_unpicked(&r, g.dup_bias, untouched.dup_bias);
    check_unpicked(&r, g.ddown_bias, untouched.ddown_bias);
    check_packed(&r, out, y);
    if (index >= LISTED && index % 3 == 0) check_alone(&r, out, &g);
}

static void run(const kernel_context *context, int index, check_output *out) {
    run_shape(context, index, TYPE_REAL, out);
}
static void run_bf16(const kernel_context *context, int index, check_output *out) {
    run_shape(context, index, TYPE_BF16, out);
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
            .up = {up, TYPE_BF16, 2, 1, 1, NULL},
            .down = {down, TYPE_BF16, 1, 2, 2, NULL}},
        .x = {x, TYPE_BF16, 1, 2, 2, NULL},
        .hidden = {&hidden, TYPE_BF16, 1, 1, 1, NULL},
        .weight = &weight};
    assert_int_equal(expert_ffn_up(&c, &call), SIGMOE_OK);
    assert_int_equal(hidden, bf16_of(1));
    hidden = bf16_of((float)step);
    real y[2], dx[2], dup[2] = {0}, ddown[2] = {0}, dweight;
    const real rounded = (real)1 + (real)0x1p-6;
    assert_int_equal(expert_ffn_down(&c, &call, matrix_of(y, 1, 2)), SIGMOE_OK);
    assert_true(y[0] == rounded && y[1] == 2 * rounded);
    expert_ffn_gradients gradients = {.dy = {dy, TYPE_BF16, 1, 2, 2, NULL},
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
    failures += check_kernels(&(check_operation){"expert_ffn", LISTED + FORMS, run});
    failures += check_kernels(&(check_operation){"expert_ffn_bf16", LISTED + FORMS, run_bf16});
    return failures != 0;
}
