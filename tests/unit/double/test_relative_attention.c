// Every gradient of the reference against central differences of loss = Σ dout ∘ out.
#include "kernels/relative_attention/relative_attention.h"

#include "kernels/check.h"

typedef struct problem {
    kernel_context context;
    attention_call call;
    attention_gradients gradients;
} problem;

static double loss(const problem *p) {
    assert_int_equal(attention_forward(&p->context, &p->call), SIGMOE_OK);
    const real *out = matrix_real(p->call.out), *dout = matrix_real(p->gradients.dout);
    double sum = 0;
    for (int64_t i = 0; i < p->call.out.rows * p->call.out.cols; i++) sum += out[i] * dout[i];
    return sum;
}

static void check_gradient(problem *p, const char *name, real *x, const real *gradient, int64_t count) {
    const double step = 1e-5;
    for (int64_t i = 0; i < count; i++) {
        real saved = x[i];
        x[i] = saved + step;
        double above = loss(p);
        x[i] = saved - step;
        double below = loss(p);
        x[i] = saved;
        double slope = (above - below) / (2 * step);
        if (fabs(slope - gradient[i]) > 1e-8 * fmax(1, fabs(slope)))
            fail_msg(
                "%s[%lld]: the gradient is %.12g, the slope %.12g", name, (long long)i, gradient[i], slope);
    }
}

static real *zeros(check_output *out, int64_t count) {
    real *x = arena_take(out->memory, (size_t)count, sizeof *x);
    assert_non_null(x);
    return x;
}

static void check_problem(int64_t batch, int64_t queries, int64_t memory, int64_t heads, int64_t width) {
    check_output inputs = {0}, *out = &inputs;
    problem p = {0};
    assert_int_equal(arena_create("gradients", &inputs.memory), SIGMOE_OK);
    assert_int_equal(arena_create("gradients", &p.context.scratch), SIGMOE_OK);
    assert_int_equal(threads_create(1, &p.context.threads), SIGMOE_OK);
    int64_t row = heads * width, keys = memory + queries;
    p.call = (attention_call){.batch = batch,
        .queries = queries,
        .memory = memory,
        .heads = heads,
        .head_width = width,
        .q = check_matrix(out, batch * queries, row, 0, 1),
        .k = check_matrix(out, batch * keys, row, 0, 2),
        .v = check_matrix(out, batch * keys, row, 0, 3),
        .positions = check_matrix(out, keys, row, 0, 4),
        .content_bias = check_vector(out, row, 5),
        .position_bias = check_vector(out, row, 6),
        .scale = 0.4,
        .out = check_matrix(out, batch * queries, row, 0, 7),
        .logsumexp = check_vector(out, batch * heads * queries, 8)};
    p.gradients = (attention_gradients){.dout = check_matrix(out, batch * queries, row, 0, 9),
        .dq = check_matrix(out, batch * queries, row, 0, 10),
        .dk = check_matrix(out, batch * keys, row, 0, 11),
        .dv = check_matrix(out, batch * keys, row, 0, 12),
        .dpositions = check_matrix(out, keys, row, 0, 13),
        .dcontent_bias = zeros(out, row),
        .dposition_bias = zeros(out, row),
        .dscale = zeros(out, 1)};
    loss(&p);
    assert_int_equal(attention_backward(&p.context, &p.call, &p.gradients), SIGMOE_OK);
    const attention_gradients *g = &p.gradients;
    check_gradient(&p, "dq", matrix_real(p.call.q), matrix_real(g->dq), batch * queries * row);
    check_gradient(&p, "dk", matrix_real(p.call.k), matrix_real(g->dk), batch * keys * row);
    check_gradient(&p, "dv", matrix_real(p.call.v), matrix_real(g->dv), batch * keys * row);
    check_gradient(&p, "dpositions", matrix_real(p.call.positions), matrix_real(g->dpositions), keys * row);
    check_gradient(&p, "dcontent_bias", (real *)p.call.content_bias, g->dcontent_bias, row);
    check_gradient(&p, "dposition_bias", (real *)p.call.position_bias, g->dposition_bias, row);
    check_gradient(&p, "dscale", &p.call.scale, g->dscale, 1);
    threads_destroy(p.context.threads);
    arena_destroy(p.context.scratch);
    arena_destroy(inputs.memory);
}

static void test_gradients_with_memory(void **state) {
    (void)state;
    check_problem(2, 3, 4, 2, 3);
}

static void test_gradients_without_memory(void **state) {
    (void)state;
    check_problem(2, 4, 0, 1, 2);
}

static void test_gradients_of_one_query(void **state) {
    (void)state;
    check_problem(1, 1, 3, 2, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_with_memory),
        cmocka_unit_test(test_gradients_without_memory),
        cmocka_unit_test(test_gradients_of_one_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
