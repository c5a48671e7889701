// Experts by the public interface against plain loops in double precision: every form, with pairs that are skipped, rows with room
// between them, pointers aligned to an element, and every choice of outputs.
#include "api/expert_problem.h"

static const form small = {.T = 19, .K = 3, .E = 5, .d = 13, .G = 6, .v = 9};
static const form larger = {.T = 90, .K = 2, .E = 4, .d = 48, .G = 40, .v = 48};

static void assert_right(const problem *p) {
    double tolerance = tolerance_of(&p->f);
    buffer dweight = {NULL, p->dweight, SIGMOE_F32, p->f.T, p->f.K, p->f.K};
    assert_buffer("y", &p->y, p->y_is, NULL, tolerance);
    if (p->gradients.dx) assert_buffer("dx", &p->dx, p->dx_is, NULL, tolerance);
    if (p->gradients.dup) assert_buffer("dup", &p->dup, p->dup_is, NULL, tolerance);
    if (p->gradients.ddown) assert_buffer("ddown", &p->ddown, p->ddown_is, NULL, tolerance);
    if (p->gradients.dup_bias) assert_buffer("dup_bias", &p->dup_bias, p->dup_bias_is, NULL, tolerance);
    if (p->gradients.ddown_bias)
        assert_buffer("ddown_bias", &p->ddown_bias, p->ddown_bias_is, NULL, tolerance);
    if (p->gradients.dweight) assert_buffer("dweight", &dweight, p->dweight_is, NULL, tolerance);
}

static void check_form(form f) {
    problem p = problem_new(f);
    run_problem(&p);
    expect_all(&p);
    assert_right(&p);
    for (int64_t i = 0; i < f.T * f.K; i++)
        if (p.index[i] < 0 || p.index[i] >= f.E) assert_true(p.dweight[i] == 0);
    for (int64_t i = 0; i < p.dup.rows / f.E * p.dup.cols; i++) // of expert 1, which has no pairs
        assert_true(get(&p.dup, p.dup.rows / f.E * p.dup.cols + i) == 0);
    problem_free(&p);
}

static void check_kinds(form f) {
    for (int activation = SIGMOE_RELU; activation <= SIGMOE_SILU; activation++)
        for (int gate = SIGMOE_GATE_NONE; gate <= SIGMOE_GATE_INTERLEAVED; gate++)
            for (int layout = SIGMOE_EXPERTS_EDG; layout <= SIGMOE_EXPERTS_EGD; layout++) {
                f.activation = (sigmoe_activation)activation;
                f.gate = (sigmoe_gate)gate;
                f.layout = (sigmoe_expert_layout)layout;
                check_form(f);
            }
}

static void every_form_is_right(void **state) {
    (void)state;
    for (int way = 0; way < 24; way++) {
        form f = way & 1 ? larger : small;
        f.up_bias = way & 2;
        f.down_bias = way & 4;
        f.type = way >= 8 ? SIGMOE_BF16 : SIGMOE_F32;
        f.gradients = way >= 16 ? SIGMOE_BF16 : SIGMOE_F32;
        f.unweighted = way % 5 == 4;
        check_kinds(f);
    }
}

// The shapes at which kernels have edges, in the form that has a path of its own and in the one that is used most.
static void every_size_is_right(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 33, 64, 100};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    for (int i = 0; i < COUNT; i++)
        for (int gated = 0; gated < 4; gated++) {
            form f = {.T = sizes[(i + 3) % COUNT],
                .K = 1 + i % 3,
                .E = 1 + sizes[(i + 5) % COUNT] % 9,
                .d = sizes[i],
                .G = sizes[(i + 1) % COUNT],
                .v = gated & 1 ? sizes[(i + 2) % COUNT] : sizes[i],
                .activation = gated & 1 ? SIGMOE_SILU : SIGMOE_RELU,
                .gate = gated & 1 ? SIGMOE_GATE_FIRST : SIGMOE_GATE_NONE,
                .layout = gated & 1 ? SIGMOE_EXPERTS_EGD : SIGMOE_EXPERTS_EDG,
                .type = gated & 2 ? SIGMOE_BF16 : SIGMOE_F32};
            problem p = problem_new(f);
            run_problem(&p);
            expect_all(&p);
            assert_right(&p);
            problem_free(&p);
        }
}

static const form swiglu = {.T = 40,
    .K = 2,
    .E = 5,
    .d = 24,
    .G = 17,
    .v = 20,
    .activation = SIGMOE_SILU,
    .gate = SIGMOE_GATE_FIRST,
    .up_bias = true,
    .down_bias = true};
static const form plain = {.T = 40, .K = 2, .E = 5, .d = 24, .G = 17, .v = 24};

// Each output alone, and all but each.
static void outputs_may_be_missing(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (int output = 0; output < 7; output++)
            for (int alone = 0; alone < 2; alone++) {
                problem p = problem_new(kind ? swiglu : plain);
                void **const all[] = {&p.gradients.dx, &p.gradients.dup, &p.gradients.ddown,
                    &p.gradients.dup_bias, &p.gradients.ddown_bias};
                for (int i = 0; i < 5; i++)
                    if (alone != (i == output)) *all[i] = NULL;
                if (alone != (output == 5)) p.gradients.dweight = NULL; // 6: all or none
                run_problem(&p);
                expect_all(&p);
                assert_right(&p);
                problem_free(&p);
            }
}

static double *values_of(const buffer *b) {
    double *values = malloc((size_t)(b->rows * b->cols) * sizeof *values);
    for (int64_t i = 0; i < b->rows * b->cols; i++) values[i] = get(b, i);
    return values;
}

static void check_accumulated(form f) {
    problem p = problem_new(f);
    buffer *const all[] = {&p.dup, &p.ddown, &p.dup_bias, &p.ddown_bias};
    double **const expected[] = {&p.dup_is, &p.ddown_is, &p.dup_bias_is, &p.ddown_bias_is};
    double *before[4];
    random_stream stream = {.seed = 9, .purpose = RANDOM_TEST};
    for (int b = 0; b < 4; b++) {
        for (int64_t i = 0; i < all[b]->rows * all[b]->cols; i++)
            put(all[b], i, random_normal(stream, (uint64_t)i));
        before[b] = values_of(all[b]);
    }
    p.gradients.accumulate = true;
    run_problem(&p);
    expect_all(&p);
    for (int b = 0; b < 4; b++) {
        assert_buffer("a gradient", all[b], *expected[b], before[b], tolerance_of(&f));
        int64_t one = all[b]->rows / f.E * all[b]->cols; // those of expert 1 keep their bits
        for (int64_t i = one; i < 2 * one; i++) assert_true(get(all[b], i) == before[b][i]);
        free(before[b]);
    }
    problem_free(&p);
}

static void gradients_are_added(void **state) {
    (void)state;
    form bf16_swiglu = swiglu, bf16_gradients = swiglu;
    bf16_swiglu.type = bf16_gradients.type = bf16_gradients.gradients = SIGMOE_BF16;
    check_accumulated(plain);
    check_accumulated(swiglu);
    check_accumulated(bf16_swiglu);
    check_accumulated(bf16_gradients);
}

// PyTorch may copy what is saved, to disk even.
static void what_is_saved_may_move(void **state) {
    (void)state;
    for (int type = SIGMOE_F32; type <= SIGMOE_BF16; type++) {
        form f = swiglu;
        f.type = (sigmoe_dtype)type;
        problem p = problem_new(f);
        size_t bytes = sigmoe_experts_saved_bytes(p.experts, f.T, f.K);
        char *elsewhere = malloc(bytes + 4);
        assert_int_equal(bytes, (size_t)(f.T * f.K * 3 * f.G) * size_of(f.type));
        OK(sigmoe_experts_forward(p.experts, &p.call, p.y.data, p.y.stride));
        memcpy(elsewhere + 4, p.saved, bytes);
        memset(p.saved, 0xff, bytes);
        p.call.saved = elsewhere + 4;
        OK(sigmoe_experts_backward(p.experts, &p.call, &p.gradients));
        expect_all(&p);
        assert_right(&p);
        free(elsewhere);
        problem_free(&p);
    }
}

static void nothing_is_saved_without_need(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        problem p = problem_new(kind ? swiglu : plain);
        p.call.saved = NULL;
        OK(sigmoe_experts_forward(p.experts, &p.call, p.y.data, p.y.stride));
        expect_all(&p);
        assert_buffer("y", &p.y, p.y_is, NULL, tolerance_of(&p.f));
        problem_free(&p);
    }
}

static void no_tokens_and_no_pairs(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        form f = kind & 1 ? swiglu : plain;
        f.T = kind & 2 ? 0 : f.T;
        problem p = problem_new(f);
        for (int64_t i = 0; i < f.T * f.K; i++) p.index[i] = f.E;
        if (f.T == 0) {
            p.call.index = NULL;
            p.call.x = p.call.saved = NULL;
            p.gradients.dy = NULL;
        }
        run_problem(&p);
        expect_all(&p); // zeros
        assert_right(&p);
        problem_free(&p);
    }
}

// One object for calls of all sizes and with other weights.
static void an_object_serves_many_calls(void **state) {
    (void)state;
    static const int64_t tokens[] = {40, 3, 80, 1, 40};
    problem first = problem_new(swiglu);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        form f = swiglu;
        f.T = tokens[i];
        problem p = problem_new(f);
        sigmoe_experts *own = p.experts;
        p.experts = first.experts;
        run_problem(&p);
        p.experts = own;
        expect_all(&p);
        assert_right(&p);
        problem_free(&p);
    }
    problem_free(&first);
}

// ---------------------------------------------------------------- packed weights

static void assert_same(const buffer *b, const void *bytes) {
    assert_memory_equal(b->data, bytes, (size_t)(b->rows * b->stride - ROOM) * size_of(b->type));
}

static void *bytes_of(const buffer *b) {
    size_t bytes = (size_t)(b->rows * b->stride - ROOM) * size_of(b->type);
    return memcpy(malloc(bytes), b->data, bytes);
}

static void check_packed(form f) {
    problem p = problem_new(f);
    run_problem(&p);
    void *y = bytes_of(&p.y), *dx = bytes_of(&p.dx);
    OK(sigmoe_experts_pack(p.experts, p.up.data, p.down.data));
    for (int again = 0; again < 2; again++) {
        put_all(&p.y, NAN);
        run_problem(&p);
        assert_same(&p.y, y);
        assert_same(&p.dx, dx);
    }
    // Other weights at another address do not read the copy.
    buffer other = buffer_normal(f.type, p.up.rows, p.up.cols, 0, 0.3, 77), held = p.up;
    p.up = other;
    p.call.up = other.data;
    run_problem(&p);
    expect_all(&p);
    assert_right(&p);
    p.up = held;
    p.call.up = held.data;
    // Changed weights: packed again, and dropped.
    for (int64_t i = 0; i < p.up.rows * p.up.cols; i++) put(&p.up, i, get(&other, i));
    OK(sigmoe_experts_pack(p.experts, p.up.data, p.down.data));
    run_problem(&p);
    assert_right(&p);
    for (int64_t i = 0; i < p.up.rows * p.up.cols; i++) put(&p.up, i, 2 * get(&other, i));
    OK(sigmoe_experts_pack(p.experts, NULL, NULL));
    run_problem(&p);
    expect_all(&p);
    assert_right(&p);
    free(other.memory);
    free(y);
    free(dx);
    problem_free(&p);
}

static void packed_weights_change_no_bit(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        form f = kind & 1 ? swiglu : plain;
        f.type = kind & 2 ? SIGMOE_BF16 : SIGMOE_F32;
        check_packed(f);
        f.layout = SIGMOE_EXPERTS_EGD;
        check_packed(f);
    }
}

// ---------------------------------------------------------------- mistakes and limits

static void check_refused_options(size_t offset, int64_t value, size_t size, const char *words) {
    sigmoe_experts *experts;
    sigmoe_experts_options o = options_of(&plain);
    memcpy((char *)&o + offset, &value, size); // little-endian, as all processors that the tests run on
    REFUSED(sigmoe_experts_create(&o, &experts), words);
}

static void wrong_options_are_named(void **state) {
    (void)state;
#define OPTION_REFUSED(member, value, words)                                                                 \
    check_refused_options(offsetof(sigmoe_experts_options, member), (value),                                 \
        sizeof(((sigmoe_experts_options *)0)->member), words)
    sigmoe_experts *experts;
    OPTION_REFUSED(experts, 0, "`experts` of the experts is 0");
    OPTION_REFUSED(experts, -3, "`experts` of the experts is -3");
    OPTION_REFUSED(width, 0, "`width`");
    OPTION_REFUSED(width, INT64_MAX, "`width`");
    OPTION_REFUSED(expert_size, 0, "`expert_size`");
    OPTION_REFUSED(out_width, -1, "`out_width`");
    OPTION_REFUSED(activation, 5, "`activation` of the experts is 5");
    OPTION_REFUSED(gate, 3, "`gate`");
    OPTION_REFUSED(layout, 2, "`layout`");
    OPTION_REFUSED(dtype, 2, "`dtype`");
    OPTION_REFUSED(gradients, 2, "`gradients`");
    OPTION_REFUSED(gradients, SIGMOE_BF16, "but `dtype` is SIGMOE_F32");
    REFUSED(sigmoe_experts_create(NULL, &experts), "sigmoe_experts_defaults");
    REFUSED(
        sigmoe_experts_create(&(sigmoe_experts_options){.experts = 4}, &experts), "sigmoe_experts_defaults");
    sigmoe_experts_options o = options_of(&plain);
    o.experts = 1 << 24;
    o.width = o.expert_size = 1 << 30;
    REFUSED(sigmoe_experts_create(&o, &experts), "2^63 bytes");
    o = options_of(&plain);
    o.out_width = 0; // d
    OK(sigmoe_experts_create(&o, &experts));
    sigmoe_experts_free(experts);
    sigmoe_experts_free(NULL);
}

static void wrong_calls_are_named(void **state) {
    (void)state;
    problem p = problem_new(swiglu);
    sigmoe_experts_call right = p.call;
    sigmoe_experts_gradients right_gradients = p.gradients;
#define CALL_REFUSED(member, value, words)                                                                   \
    do {                                                                                                     \
        p.call.member = value;                                                                               \
        REFUSED(sigmoe_experts_forward(p.experts, &p.call, p.y.data, 0), words);                             \
        REFUSED(sigmoe_experts_backward(p.experts, &p.call, &p.gradients), words);                           \
        p.call = right;                                                                                      \
    } while (0)
#define GRADIENT_REFUSED(member, value, words)                                                               \
    do {                                                                                                     \
        p.gradients.member = value;                                                                          \
        REFUSED(sigmoe_experts_backward(p.experts, &p.call, &p.gradients), words);                           \
        p.gradients = right_gradients;                                                                       \
    } while (0)
    CALL_REFUSED(size, 0, "sigmoe_experts_call_defaults");
    CALL_REFUSED(tokens, -1, "`tokens` is -1");
    CALL_REFUSED(slots, 0, "`slots` is 0");
    CALL_REFUSED(tokens, 1LL << 30, "too many for one call"); // in 2 slots
    CALL_REFUSED(tokens, INT64_MAX, "too many for one call");
    CALL_REFUSED(index, NULL, "`index` is NULL");
    CALL_REFUSED(x, NULL, "`x` is NULL");
    CALL_REFUSED(up, NULL, "`up` is NULL");
    CALL_REFUSED(down, NULL, "`down` is NULL");
    CALL_REFUSED(x_stride, 23, "`x_stride` is 23 elements, but a row has 24");
    CALL_REFUSED(x_stride, -24, "`x_stride`");
    CALL_REFUSED(x_stride, INT64_MAX, "`x_stride`");
    GRADIENT_REFUSED(size, 0, "sigmoe_experts_gradients_defaults");
    GRADIENT_REFUSED(dy, NULL, "`dy` is NULL");
    GRADIENT_REFUSED(dy_stride, 19, "`dy_stride` is 19 elements, but a row has 20");
    GRADIENT_REFUSED(dx_stride, 23, "`dx_stride`");
    REFUSED(sigmoe_experts_forward(p.experts, NULL, p.y.data, 0), "sigmoe_experts_call_defaults");
    REFUSED(sigmoe_experts_forward(p.experts, &p.call, NULL, 0), "`y` is NULL");
    REFUSED(sigmoe_experts_forward(p.experts, &p.call, p.y.data, 19), "`y_stride`");
    p.call.saved = NULL;
    REFUSED(sigmoe_experts_backward(p.experts, &p.call, &p.gradients), "`saved` is NULL");
    p.call = right;
    REFUSED(sigmoe_experts_pack(p.experts, p.up.data, NULL), "`down` is NULL");
    REFUSED(sigmoe_experts_pack(p.experts, NULL, p.down.data), "`up` is NULL");
    assert_int_equal(sigmoe_experts_saved_bytes(p.experts, 1LL << 30, 2), 0);
    assert_int_equal(sigmoe_experts_saved_bytes(p.experts, -1, 2), 0);
    problem_free(&p);
}

static sigmoe_status create_and_run(problem *p) {
    sigmoe_experts_options options = options_of(&p->f);
    TRY(sigmoe_experts_create(&options, &p->experts));
    sigmoe_status status = sigmoe_experts_pack(p->experts, p->up.data, p->down.data);
    if (status == SIGMOE_OK) status = sigmoe_experts_forward(p->experts, &p->call, p->y.data, p->y.stride);
    if (status == SIGMOE_OK) status = sigmoe_experts_backward(p->experts, &p->call, &p->gradients);
    sigmoe_experts_free(p->experts);
    return status;
}

// Every allocation fails once, in every form that takes another path.
static void no_memory_is_told(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        form f = kind & 1 ? swiglu : plain;
        f.type = f.gradients = kind & 2 ? SIGMOE_BF16 : SIGMOE_F32;
        f.unweighted = true;
        problem p = problem_new(f);
        int failures = 0;
        expect_all(&p);
        sigmoe_experts_free(p.experts);
        for (sigmoe_status status = SIGMOE_NO_MEMORY; status != SIGMOE_OK; failures++) {
            arena_fail_after(failures);
            status = create_and_run(&p);
            if (status != SIGMOE_OK) assert_int_equal(status, SIGMOE_NO_MEMORY);
        }
        arena_fail_after(-1);
        assert_true(failures > 12);
        assert_right(&p);
        p.experts = NULL;
        problem_free(&p);
    }
}

static void a_failed_call_leaves_the_object_usable(void **state) {
    (void)state;
    problem p = problem_new(swiglu);
    expect_all(&p);
    for (int allocation = 0; allocation < 6; allocation++) {
        arena_fail_after(allocation);
        sigmoe_status status = sigmoe_experts_forward(p.experts, &p.call, p.y.data, p.y.stride);
        if (status == SIGMOE_OK) status = sigmoe_experts_backward(p.experts, &p.call, &p.gradients);
        arena_fail_after(-1);
        assert_int_equal(status, SIGMOE_NO_MEMORY);
        run_problem(&p);
        assert_right(&p);
    }
    problem_free(&p);
}

static void calls_leave_no_memory_behind(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        form f = kind & 1 ? swiglu : plain;
        f.type = kind & 2 ? SIGMOE_BF16 : SIGMOE_F32;
        problem p = problem_new(f);
        for (int i = 0; i < 3; i++) {
            OK(sigmoe_experts_pack(p.experts, p.up.data, p.down.data));
            run_problem(&p);
        }
        size_t before = allocated_bytes();
        for (int i = 0; i < 20; i++) {
            OK(sigmoe_experts_pack(p.experts, p.up.data, p.down.data));
            run_problem(&p);
        }
        assert_true(allocated_bytes() <= before);
        problem_free(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_right),
        cmocka_unit_test(every_size_is_right),
        cmocka_unit_test(outputs_may_be_missing),
        cmocka_unit_test(gradients_are_added),
        cmocka_unit_test(what_is_saved_may_move),
        cmocka_unit_test(nothing_is_saved_without_need),
        cmocka_unit_test(no_tokens_and_no_pairs),
        cmocka_unit_test(an_object_serves_many_calls),
        cmocka_unit_test(packed_weights_change_no_bit),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(wrong_calls_are_named),
        cmocka_unit_test(no_memory_is_told),
        cmocka_unit_test(a_failed_call_leaves_the_object_usable),
        cmocka_unit_test(calls_leave_no_memory_behind),
    };
    return cmocka_run_group_tests_name("experts", tests, NULL, NULL);
}
