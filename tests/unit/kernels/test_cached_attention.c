#include "kernels/cached_attention/cached_attention.h"

#include "kernels/check_bf16.h"
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/relative_attention/relative_attention.h"

typedef struct shape {
    int64_t texts, heads, width, capacity;
    int64_t first, count; // of the first text; each next one sees one position less, but 1
    real spread;          // of q: large scores come from a large one
    real scale;           // τ relative to 1 / sqrt(d_h)
} shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 0, 1, 1, 1},         // one score
    {1, 3, 3, 7, 5, 7, 1, 1},         // the whole ring, wrapped around
    {1, 2, 41, 300, 0, 256, 1, 1},    // not wrapped
    {3, 5, 41, 300, 170, 300, 1, 1},  // several texts
    {2, 2, 64, 100, 1000, 37, 1, 1},  // far on
    {1, 2, 130, 20, 13, 9, 1, 1},     // more columns than are summed at once
    {4, 1, 16, 9, 8, 3, 1, 1},        // some see a single position
    {1, 2, 41, 700, 600, 690, 60, 1}, // scores in the hundreds: e^score overflows
    {1, 2, 9, 50, 3, 50, 1, -1},      // the scale may be learned to be negative
    {1, 2, 9, 50, 3, 50, 1, 0},       // or zero
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void *rings(check_output *out, const shape *s, dtype type, uint64_t key) {
    return check_converted(out, type, check_matrix(out, s->heads * s->capacity, s->width, 0, key)).data;
}

static cached_rows *make_rows(check_output *out, const shape *s, dtype type) {
    cached_rows *rows = arena_take(out->memory, (size_t)s->texts, sizeof *rows);
    assert_non_null(rows);
    for (int64_t b = 0; b < s->texts; b++)
        rows[b] = (cached_rows){rings(out, s, type, 20 + (uint64_t)b), rings(out, s, type, 40 + (uint64_t)b),
            s->first + b, s->count > b ? s->count - b : 1};
    return rows;
}

static cached_attention_call make_call(check_output *out, const shape *s, dtype type) {
    int64_t inner = s->heads * s->width;
    matrix q = check_matrix(out, s->texts, inner, 3, 1);
    for (int64_t i = 0; i < q.rows * q.stride; i++) matrix_real(q)[i] *= s->spread;
    return (cached_attention_call){.texts = s->texts,
        .heads = s->heads,
        .head_width = s->width,
        .capacity = s->capacity,
        .type = type,
        .rows = make_rows(out, s, type),
        .positions = rings(out, s, type, 2),
        .content_bias = check_vector(out, inner, 3),
        .position_bias = check_vector(out, inner, 4),
        .scale = s->scale / real_sqrt((real)s->width),
        .q = check_converted(out, type, q),
        .out = check_converted(out, type, check_matrix(out, s->texts, inner, 3, 5))};
}

static void run(const kernel_context *context, int index, check_output *out) {
    cached_attention_call call = make_call(out, &shapes[index], TYPE_REAL);
    assert_int_equal(cached_attention(context, &call), SIGMOE_OK);
    check_emit_matrix(out, "out", call.out, 2e-5 * (double)shapes[index].spread);
}

static void run_bf16(const kernel_context *context, int index, check_output *out) {
    cached_attention_call call = make_call(out, &shapes[index], TYPE_BF16);
    assert_int_equal(cached_attention(context, &call), SIGMOE_OK);
    check_emit_any(out, "out", call.out, CHECK_BF16_NEIGHBOURS);
}

// ---- It is relative_attention for a segment's last row ----

// Rows `first` on of rings, as a matrix.
static matrix unrolled(check_output *out, const shape *s, const void *from, int64_t first, int64_t count) {
    matrix m = check_matrix(out, count, s->heads * s->width, 0, 0);
    for (int64_t i = 0; i < count; i++)
        for (int64_t h = 0; h < s->heads; h++)
            memcpy(matrix_real(m) + i * m.stride + h * s->width,
                (const real *)from + (h * s->capacity + (first + i) % s->capacity) * s->width,
                (size_t)s->width * sizeof(real));
    return m;
}

static void as_segments(void **state) {
    (void)state;
    kernel_context context;
    assert_int_equal(threads_create(2, &context.threads), SIGMOE_OK);
    assert_int_equal(arena_create("scratch", &context.scratch), SIGMOE_OK);
    for (int index = 0; index < SHAPES; index++) {
        const shape *s = &shapes[index];
        check_output out = {0};
        assert_int_equal(arena_create("test", &out.memory), SIGMOE_OK);
        cached_attention_call call = make_call(&out, s, TYPE_REAL);
        assert_int_equal(cached_attention(&context, &call), SIGMOE_OK);
        for (int64_t b = 0; b < s->texts; b++) {
            const cached_rows *rows = &call.rows[b];
            matrix expected = check_matrix(&out, 1, s->heads * s->width, 0, 0);
            attention_call segment = {.batch = 1,
                .queries = 1,
                .memory = rows->count - 1,
                .heads = s->heads,
                .head_width = s->width,
                .q = matrix_part(call.q, b, 1, 0, call.q.cols),
                .k = unrolled(&out, s, rows->k, rows->first, rows->count),
                .v = unrolled(&out, s, rows->v, rows->first, rows->count),
                .positions = unrolled(&out, s, call.positions, s->capacity - rows->count, rows->count),
                .content_bias = call.content_bias,
                .position_bias = call.position_bias,
                .scale = call.scale,
                .out = expected,
                .logsumexp = check_vector(&out, s->heads, 0)};
            kernel_force("ref");
            assert_int_equal(attention_forward(&context, &segment), SIGMOE_OK);
            kernel_force(NULL);
            const real *got = matrix_row(call.out, b);
            for (int64_t c = 0; c < expected.cols; c++) {
                double want = (double)matrix_real(expected)[c], size = fabs(want) > 1 ? fabs(want) : 1;
                if (!(fabs((double)got[c] - want) <= 2e-5 * (double)s->spread * size))
                    fail_msg("shape %d, text %d, column %d: %.9g, but in a segment %.9g", index, (int)b,
                        (int)c, (double)got[c], want);
            }
        }
        arena_destroy(out.memory);
    }
    arena_destroy(context.scratch);
    threads_destroy(context.threads);
}

// ---- Projections, in the same tasks or before ----

static void projected(void **state) {
    (void)state;
    enum { WIDTH = 37 };
    kernel_context context;
    assert_int_equal(arena_create("scratch", &context.scratch), SIGMOE_OK);
    for (int run_index = 0; run_index < SHAPES * 2 * 3; run_index++) {
        const shape *s = &shapes[run_index % SHAPES];
        dtype type = run_index / SHAPES % 2 ? TYPE_BF16 : TYPE_REAL;
        int64_t inner = s->heads * s->width;
        check_output out = {0};
        assert_int_equal(threads_create(1 + run_index / SHAPES / 2, &context.threads), SIGMOE_OK);
        assert_int_equal(arena_create("test", &out.memory), SIGMOE_OK);
        cached_attention_call call[2];
        matrix x = check_converted(&out, type, check_matrix(&out, s->texts, WIDTH, 1, 60)), k[2], v[2];
        for (int i = 0; i < 2; i++) {
            call[i] = make_call(&out, s, type);
            k[i] = check_converted(&out, type, check_matrix(&out, s->texts, inner, 0, 64));
            v[i] = check_converted(&out, type, check_matrix(&out, s->texts, inner, 0, 65));
        }
        cached_projections p = {.x = x,
            .w_q = check_converted(&out, type, check_matrix(&out, inner, WIDTH, 0, 61)),
            .w_k = check_converted(&out, type, check_matrix(&out, inner, WIDTH, 0, 62)),
            .w_v = check_converted(&out, type, check_matrix(&out, inner, WIDTH, 0, 63)),
            .k = k[0],
            .v = v[0]};
        assert_int_equal(cached_attention_projected(&context, &call[0], &p), SIGMOE_OK);
        assert_int_equal(arena_bytes(context.scratch), 0);
        const matrix weights[] = {p.w_q, p.w_k, p.w_v}, results[] = {call[1].q, k[1], v[1]};
        for (int i = 0; i < 3; i++) {
            gemm_call product = {.transpose_b = true, .a = x, .b = weights[i], .c = results[i]};
            assert_int_equal(dense_gemm(&context, &product), SIGMOE_OK);
        }
        for (int64_t b = 0; b < s->texts; b++)
            for (int64_t h = 0; h < s->heads; h++) {
                const cached_rows *rows = &call[1].rows[b];
                size_t size = dtype_size(type), bytes = (size_t)s->width * size;
                int64_t own = (rows->first + rows->count - 1) % s->capacity;
                size_t at = (size_t)((h * s->capacity + own) * s->width) * size;
                memcpy((char *)rows->k + at, matrix_part(k[1], b, 1, h * s->width, s->width).data, bytes);
                memcpy((char *)rows->v + at, matrix_part(v[1], b, 1, h * s->width, s->width).data, bytes);
            }
        assert_int_equal(cached_attention(&context, &call[1]), SIGMOE_OK);
        size_t ring = (size_t)(s->heads * s->capacity * s->width) * dtype_size(type);
        for (int64_t b = 0; b < s->texts; b++) {
            assert_memory_equal(
                matrix_row(call[0].out, b), matrix_row(call[1].out, b), (size_t)inner * dtype_size(type));
            assert_memory_equal(call[0].rows[b].k, call[1].rows[b].k, ring);
            assert_memory_equal(call[0].rows[b].v, call[1].rows[b].v, ring);
        }
        arena_destroy(out.memory);
        threads_destroy(context.threads);
    }
    arena_destroy(context.scratch);
}

static void short_memory(void **state) {
    (void)state;
    check_output out = {0};
    kernel_context context;
    assert_int_equal(arena_create("test", &out.memory), SIGMOE_OK);
    assert_int_equal(arena_create("scratch", &context.scratch), SIGMOE_OK);
    assert_int_equal(threads_create(2, &context.threads), SIGMOE_OK);
    cached_attention_call call = make_call(&out, &shapes[1], TYPE_REAL);
    arena_fail_after(0);
    assert_int_equal(cached_attention(&context, &call), SIGMOE_NO_MEMORY);
    arena_fail_after(-1);
    assert_int_equal(arena_bytes(context.scratch), 0);
    threads_destroy(context.threads);
    arena_destroy(context.scratch);
    arena_destroy(out.memory);
}

int main(void) {
    const check_operation operations[] = {
        {"cached_attention", SHAPES, run}, {"cached_attention_bf16", SHAPES, run_bf16}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_segments), cmocka_unit_test(projected), cmocka_unit_test(short_memory)};
    return check_kernels(&operations[0]) + check_kernels(&operations[1]) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
