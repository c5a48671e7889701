#include "kernels/relative_attention/relative_attention.h"

#include "kernels/check_bf16.h"

typedef struct shape {
    int64_t batch, queries, memory, heads, width, gap; // gap: unused elements behind each row of every matrix
    real spread;                                       // of q: large scores come from a large one
    real scale;                                        // τ relative to 1 / sqrt(d_h)
} shape;

static const shape shapes[] = {
    {1, 1, 0, 1, 1, 0, 1, 1},      // one score
    {1, 1, 5, 3, 3, 1, 1, 1},      // one query, odd everything
    {2, 7, 0, 5, 3, 2, 1, 1},      // no memory
    {3, 8, 3, 3, 41, 5, 1, 1},     // memory shorter than the segment
    {2, 13, 40, 5, 41, 0, 1, 1},   // longer
    {1, 65, 17, 9, 41, 3, 1, 1},   // a tile of queries and one more
    {1, 67, 300, 1, 64, 7, 1, 1},  // more than a chunk of keys, the diagonal across its border
    {1, 70, 335, 2, 16, 0, 1, 1},  // the first query sees a chunk exactly
    {1, 9, 680, 2, 41, 2, 1, 1},   // three chunks
    {2, 130, 131, 2, 33, 1, 1, 1}, // several tiles
    {1, 261, 230, 1, 9, 0, 1, 1},  // more than a task's queries
    {3, 33, 31, 3, 96, 0, 1, 1},   // wide heads
    {1, 40, 640, 2, 41, 0, 60, 1}, // scores in the hundreds: e^score overflows
    {1, 40, 300, 2, 41, 0, 1, -1}, // the scale may be learned to be negative
    {2, 9, 7, 2, 5, 0, 1, 0},      // or zero
    {65, 2, 1, 4, 3, 0, 1, 1},     // several sequences to a task of the backward
    {1, 131, 0, 1, 41, 1, 1, 1},   // no memory, and an odd number of queries in the last tile
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// Draws every input anew, so that what must not be touched can be told from its neighbours.
static attention_call make_call(check_output *out, const shape *s, dtype type) {
    int64_t row = s->heads * s->width, keys = s->memory + s->queries;
    attention_call call = {.batch = s->batch,
        .queries = s->queries,
        .memory = s->memory,
        .heads = s->heads,
        .head_width = s->width,
        .q = check_matrix(out, s->batch * s->queries, row, s->gap, 1),
        .k = check_matrix(out, s->batch * keys, row, s->gap, 2),
        .v = check_matrix(out, s->batch * keys, row, s->gap, 3),
        .positions = check_matrix(out, keys, row, s->gap, 4),
        .content_bias = check_vector(out, row, 5),
        .position_bias = check_vector(out, row, 6),
        .scale = s->scale / real_sqrt((real)s->width),
        .out = check_matrix(out, s->batch * s->queries, row, s->gap, 7),
        .logsumexp = check_vector(out, s->batch * s->heads * s->queries, 8)};
    real *q = matrix_real(call.q);
    for (int64_t i = 0; i < call.q.rows * call.q.stride; i++) q[i] *= s->spread;
    call.q = check_converted(out, type, call.q);
    call.k = check_converted(out, type, call.k);
    call.v = check_converted(out, type, call.v);
    call.positions = check_converted(out, type, call.positions);
    call.out = check_converted(out, type, call.out);
    return call;
}

static attention_gradients make_gradients(check_output *out, const shape *s, const attention_call *call) {
    int64_t row = s->heads * s->width;
    dtype type = call->q.type;
    return (attention_gradients){
        .dout = check_converted(out, type, check_matrix(out, call->q.rows, row, s->gap, 11)),
        .dq = check_converted(out, type, check_matrix(out, call->q.rows, row, s->gap, 12)),
        .dk = check_converted(out, type, check_matrix(out, call->k.rows, row, s->gap, 13)),
        .dv = check_converted(out, type, check_matrix(out, call->k.rows, row, s->gap, 14)),
        .dpositions = check_converted(out, type, check_matrix(out, call->positions.rows, row, s->gap, 15)),
        .dcontent_bias = check_vector(out, row, 16),
        .dposition_bias = check_vector(out, row, 17),
        .dscale = check_vector(out, 1, 18)};
}

// Scratch memory full of NaN, which spreads from wherever it is read.
static void spoil_scratch(arena *scratch) {
    const size_t bytes = 4 << 20;
    arena_mark mark = arena_here(scratch);
    void *all = arena_take_raw(scratch, bytes, 1);
    assert_non_null(all);
    memset(all, 0xff, bytes);
    arena_release(scratch, mark);
}

// What an implementation may differ by from the reference.
typedef struct tolerances {
    double out, logsumexp, dq, dk, dv, dbias, dscale;
} tolerances;

static void run_as(const kernel_context *context, int index, check_output *out, dtype type, tolerances t) {
    const shape *s = &shapes[index];
    int64_t row = s->heads * s->width;
    attention_call call = make_call(out, s, type);
    attention_gradients g = make_gradients(out, s, &call);
    spoil_scratch(context->scratch);
    assert_int_equal(attention_forward(context, &call), SIGMOE_OK);
    spoil_scratch(context->scratch);
    assert_int_equal(attention_backward(context, &call, &g), SIGMOE_OK);
    check_emit_any(out, "out", call.out, t.out);
    check_emit(out, "logsumexp", call.logsumexp, s->batch * s->heads * s->queries, t.logsumexp);
    check_emit_any(out, "dq", g.dq, t.dq);
    check_emit_any(out, "dk", g.dk, t.dk);
    check_emit_any(out, "dv", g.dv, t.dv);
    check_emit_any(out, "dpositions", g.dpositions, t.dk);
    check_emit(out, "dcontent_bias", g.dcontent_bias, row, t.dbias);
    check_emit(out, "dposition_bias", g.dposition_bias, row, t.dbias);
    check_emit(out, "dscale", g.dscale, 1, t.dscale);
}

static void run(const kernel_context *context, int index, check_output *out) {
    // A score of size S has an error of S · epsilon, and its exponential the same relative to itself.
    double spread = (double)shapes[index].spread, tolerance = 2e-5 * spread;
    run_as(context, index, out, TYPE_REAL,
        (tolerances){.out = tolerance,
            .logsumexp = 1e-6 * spread,
            .dq = tolerance,
            .dk = tolerance * spread,
            .dv = tolerance,
            .dbias = 2 * tolerance,
            .dscale = 10 * tolerance * spread});
}

static void run_bf16(const kernel_context *context, int index, check_output *out) {
    double spread = (double)shapes[index].spread;
    // Of what multiplies f32 only the stored numbers are rounded, but out enters the backward.
    tolerances t = {.out = CHECK_BF16_NEIGHBOURS,
        .logsumexp = 1e-6 * spread,
        .dq = CHECK_BF16_NEIGHBOURS,
        .dk = 2 * CHECK_BF16_NEIGHBOURS,
        .dv = CHECK_BF16_NEIGHBOURS,
        .dbias = 0.005,
        .dscale = 0.01};
    // What multiplies bf16 has scores with an error of their size in bf16 steps.
    double score = spread > 1 ? spread / 2 : 1;
    if (check_current.implementation && check_current.implementation->level >= CPU_AVX512BF16)
        t = (tolerances){.out = 0.015 * score,
            .logsumexp = 0.02 * score,
            .dq = 0.04 * score,
            .dk = 0.05 * score,
            .dv = 0.025 * score,
            .dbias = 0.08 * score,
            .dscale = 0.5 * score};
    run_as(context, index, out, TYPE_BF16, t);
}

// Emulated AMX takes about a second for fifty thousand pairs of a query and a key.
static bool is_small(int index) {
    const shape *s = &shapes[index];
    int64_t heads = s->batch * s->heads;
    return heads <= 16 && heads * s->queries * (s->memory + s->queries) <= 50000;
}

// Whichever allocation fails, the call says so and gives back what it took before.
static void check_short_memory(const char *implementation, dtype type) {
    check_output out = {0};
    kernel_context context;
    assert_int_equal(arena_create("short memory", &out.memory), SIGMOE_OK);
    assert_int_equal(arena_create("short memory", &context.scratch), SIGMOE_OK);
    assert_int_equal(threads_create(2, &context.threads), SIGMOE_OK);
    kernel_force(implementation);
    attention_call call = make_call(&out, &shapes[3], type);
    attention_gradients g = make_gradients(&out, &shapes[3], &call);
    int64_t failures = 0;
    for (int backward = 0; backward < 2; backward++) {
        sigmoe_status status = SIGMOE_NO_MEMORY;
        for (int64_t successes = 0; status != SIGMOE_OK; successes++) {
            arena_fail_after(successes);
            status = backward ? attention_backward(&context, &call, &g) : attention_forward(&context, &call);
            arena_fail_after(-1);
            assert_true(status == SIGMOE_OK || status == SIGMOE_NO_MEMORY);
            assert_int_equal(arena_bytes(context.scratch), 0);
            failures += status != SIGMOE_OK;
        }
    }
    assert_true(failures >= 2);
    threads_destroy(context.threads);
    arena_destroy(context.scratch);
    arena_destroy(out.memory);
}

static void test_short_memory(void **state) {
    (void)state;
    for (dtype type = TYPE_REAL; type <= TYPE_BF16; type++) {
        check_short_memory("ref", type);
        check_short_memory(NULL, type);
    }
}

int main(void) {
    const check_operation operations[] = {
        {"relative_attention", SHAPES, run}, {"relative_attention_bf16", SHAPES, run_bf16}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_short_memory)};
    return check_kernels_emulating(&operations[0], is_small) +
           check_kernels_emulating(&operations[1], is_small) + cmocka_run_group_tests(tests, NULL, NULL);
}
