// Blocks by the public interface: dense and σ-MoE against plain loops in double precision, and what every caller may rely on.
#include "config/config_file.h"
#include "model/transformer_xl.h"

#include "api/small_blocks.h"

// ---------------------------------------------------------------- plain loops

static void assert_all_close(
    const char *what, const float *got, const double *expected, int64_t count, double tolerance) {
    for (int64_t i = 0; i < count; i++) assert_close(what, i, got[i], expected[i], tolerance);
}

// y and all gradients of one token's sum over channels with weight w: u = relu(up x + bias).
static void dense_is_right(void **state) {
    (void)state;
    static pass p;
    sigmoe_block *block = new_block(dense_config(), SIGMOE_F32);
    draw_values(block);
    draw_pass(&p, false);
    sigmoe_parameter up = parameter_of(block, "up.weight"), up_bias = parameter_of(block, "up.bias");
    sigmoe_parameter down = parameter_of(block, "layers.3.ff.down.weight"),
                     down_bias = parameter_of(block, "down.bias");
    assert_int_equal(up.dims, 2);
    assert_int_equal(up.shape[0], D_FF);
    assert_int_equal(up.shape[1], D);
    assert_int_equal(down.count, D * D_FF);
    run_pass(block, &p);
    double y[T * D] = {0}, dx[T * D] = {0}, dup[D_FF * D] = {0}, ddown[D * D_FF] = {0}, dup_bias[D_FF] = {0},
                 ddown_bias[D] = {0};
    for (int t = 0; t < T; t++) {
        for (int i = 0; i < D; i++) y[t * D + i] = down_bias.value[i], ddown_bias[i] += p.dy[t * D + i];
        for (int j = 0; j < D_FF; j++) {
            double u = up_bias.value[j], du = 0;
            for (int i = 0; i < D; i++) u += (double)up.value[j * D + i] * p.x[t * D + i];
            if (u <= 0) continue;
            for (int i = 0; i < D; i++) {
                y[t * D + i] += u * down.value[i * D_FF + j];
                ddown[i * D_FF + j] += u * p.dy[t * D + i];
                du += (double)p.dy[t * D + i] * down.value[i * D_FF + j];
            }
            dup_bias[j] += du;
            for (int i = 0; i < D; i++) {
                dup[j * D + i] += du * p.x[t * D + i];
                dx[t * D + i] += du * up.value[j * D + i];
            }
        }
    }
    assert_all_close("y", p.y, y, T * D, 1e-5);
    assert_all_close("dx", p.dx, dx, T * D, 1e-5);
    assert_all_close("dup", up.gradient, dup, D_FF * D, 1e-5);
    assert_all_close("ddown", down.gradient, ddown, D_FF * D, 1e-5);
    assert_all_close("dup_bias", up_bias.gradient, dup_bias, D_FF, 1e-5);
    assert_all_close("ddown_bias", down_bias.gradient, ddown_bias, D, 1e-5);
    assert_true(sigmoe_block_regularizer(block) == 0);
    sigmoe_block_free(block);
}

// The K experts of the highest logits, each with the logistic function of its own.
typedef struct choice {
    int expert[K];
    double weight[K];
} choice;

static choice choose(const float *router, const float *x) {
    choice c;
    double logit[EXPERTS] = {0};
    bool taken[EXPERTS] = {0};
    for (int e = 0; e < EXPERTS; e++)
        for (int i = 0; i < D; i++) logit[e] += (double)router[e * D + i] * x[i];
    for (int k = 0; k < K; k++) {
        int best = -1;
        for (int e = 0; e < EXPERTS; e++)
            if (!taken[e] && (best < 0 || logit[e] > logit[best])) best = e;
        taken[best] = true;
        c.expert[k] = best;
        c.weight[k] = 1 / (1 + exp(-logit[best]));
    }
    return c;
}

typedef struct moe_result {
    double y[T * D], dx[T * D], drouter[EXPERTS * D], dup[EXPERTS * D * SIZE], ddown[EXPERTS * SIZE * D];
    double weight[EXPERTS];
    int64_t chosen[EXPERTS], active;
} moe_result;

static void add_expert(const pass *p, int t, int e, double weight, const float *router, const float *up,
    const float *down, moe_result *r) {
    const float *x = p->x + t * D, *dy = p->dy + t * D;
    double dweight = 0;
    for (int j = 0; j < SIZE; j++) {
        double u = 0, du = 0;
        for (int i = 0; i < D; i++) u += (double)x[i] * up[(e * D + i) * SIZE + j];
        if (u <= 0) continue;
        r->active++;
        for (int i = 0; i < D; i++) {
            r->y[t * D + i] += weight * u * down[(e * SIZE + j) * D + i];
            r->ddown[(e * SIZE + j) * D + i] += weight * u * dy[i];
            du += (double)dy[i] * down[(e * SIZE + j) * D + i];
        }
        dweight += u * du;
        for (int i = 0; i < D; i++) {
            r->dup[(e * D + i) * SIZE + j] += weight * du * x[i];
            r->dx[t * D + i] += weight * du * up[(e * D + i) * SIZE + j];
        }
    }
    for (int i = 0; i < D; i++) {
        r->drouter[e * D + i] += dweight * weight * (1 - weight) * x[i];
        r->dx[t * D + i] += dweight * weight * (1 - weight) * router[e * D + i];
    }
    r->chosen[e]++;
    r->weight[e] += weight;
}

static void moe_by_loops(sigmoe_block *block, const pass *p, moe_result *r) {
    const float *router = parameter_of(block, "router.weight").value,
                *up = parameter_of(block, "experts.up").value;
    memset(r, 0, sizeof *r);
    for (int t = 0; t < T; t++) {
        choice c = choose(router, p->x + t * D);
        for (int k = 0; k < K; k++)
            add_expert(
                p, t, c.expert[k], c.weight[k], router, up, parameter_of(block, "experts.down").value, r);
    }
}

static void check_moe_counts(sigmoe_block *block, const moe_result *r) {
    sigmoe_statistics s;
    sigmoe_block_statistics(block, &s);
    assert_int_equal(s.tokens, T);
    assert_int_equal(s.experts, EXPERTS);
    assert_int_equal(s.channels, EXPERTS * SIZE);
    assert_close("active", 0, s.active, (double)r->active / T, 1e-12);
    for (int e = 0; e < EXPERTS; e++) {
        assert_int_equal(s.chosen[e], r->chosen[e]);
        assert_close("weight", e, s.weight[e], r->weight[e], 1e-5);
    }
}

static void sigma_moe_is_right(void **state) {
    (void)state;
    static pass p;
    static moe_result r;
    sigmoe_statistics none;
    sigmoe_block *block = new_block(moe_config("sigmoid"), SIGMOE_F32);
    draw_values(block);
    draw_pass(&p, true);
    sigmoe_block_statistics(block, &none);
    assert_int_equal(none.tokens, 0);
    assert_null(none.chosen);
    p.call.count_statistics = true;
    run_pass(block, &p);
    moe_by_loops(block, &p, &r);
    assert_all_close("y", p.y, r.y, T * D, 1e-5);
    assert_all_close("dx", p.dx, r.dx, T * D, 1e-5);
    assert_all_close("drouter", parameter_of(block, "router.weight").gradient, r.drouter, EXPERTS * D, 1e-5);
    assert_all_close("dup", parameter_of(block, "experts.up").gradient, r.dup, EXPERTS * D * SIZE, 1e-5);
    assert_all_close(
        "ddown", parameter_of(block, "experts.down").gradient, r.ddown, EXPERTS * D * SIZE, 1e-5);
    check_moe_counts(block, &r);
    p.call.count_statistics = false; // those of the pass before stay
    OK(sigmoe_block_forward(block, &p.call, p.y));
    check_moe_counts(block, &r);
    p.call.count_statistics = true; // and a new pass starts from 0
    OK(sigmoe_block_forward(block, &p.call, p.y));
    check_moe_counts(block, &r);
    sigmoe_block_free(block);
}

// ---------------------------------------------------------------- parameters

static void initial_values_are_the_models(void **state) {
    (void)state;
    sigmoe_config *config = moe_config("hash");
    transformer *whole;
    kernel_context kernel = {0};
    OK(threads_create(1, &kernel.threads));
    OK(transformer_create(&config->model, STORE_VALUES, &whole));
    parameters_initialize(&kernel, transformer_parameters(whole), SEED);
    sigmoe_block *block = new_block(config, SIGMOE_F32);
    sigmoe_parameter p;
    int count = 0;
    for (; sigmoe_block_parameter(block, count, &p); count++) {
        const parameter *expected = parameters_find(transformer_parameters(whole), p.name);
        assert_non_null(expected);
        assert_int_equal(p.count, expected->count);
        if (p.table)
            assert_memory_equal(p.table, expected->table, (size_t)p.count * sizeof *p.table);
        else
            assert_memory_equal(p.value, expected->value, (size_t)p.count * sizeof *p.value);
        for (int64_t i = 0; p.gradient && i < p.count; i++) assert_true(p.gradient[i] == 0);
    }
    assert_int_equal(count, 3);
    assert_false(sigmoe_block_parameter(block, -1, &p));
    assert_false(sigmoe_block_parameter_named(block, "up.weight", &p));
    assert_false(sigmoe_block_parameter_named(block, "layers.2.ff.experts.up", &p));
    sigmoe_block_free(block);
    transformer_destroy(whole);
    threads_destroy(kernel.threads);
}

static void gradients_add_up_until_cleared(void **state) {
    (void)state;
    static pass p;
    sigmoe_block *block = new_block(moe_config("sigmoid"), SIGMOE_F32);
    draw_pass(&p, true);
    sigmoe_parameter up = parameter_of(block, "experts.up");
    float *once = malloc((size_t)up.count * sizeof *once);
    run_pass(block, &p);
    memcpy(once, up.gradient, (size_t)up.count * sizeof *once);
    run_pass(block, &p);
    for (int64_t i = 0; i < up.count; i++) assert_close("gradient", i, up.gradient[i], 2 * once[i], 1e-6);
    sigmoe_block_clear_gradients(block);
    for (int64_t i = 0; i < up.count; i++) assert_true(up.gradient[i] == 0);
    run_pass(block, &p);
    assert_memory_equal(up.gradient, once, (size_t)up.count * sizeof *once);
    free(once);
    sigmoe_block_free(block);
}

// Mixed precision has rounded copies, which must follow.
static void written_values_count(void **state) {
    (void)state;
    static pass before, after;
    for (int type = SIGMOE_F32; type <= SIGMOE_BF16; type++) {
        sigmoe_block *block = new_block(dense_config(), (sigmoe_dtype)type);
        sigmoe_parameter down = parameter_of(block, "down.weight");
        draw_pass(&before, false);
        draw_pass(&after, false);
        run_pass(block, &before);
        for (int64_t i = 0; i < down.count; i++) down.value[i] *= 2;
        run_pass(block, &after);
        for (int i = 0; i < T * D; i++) assert_true(after.y[i] == 2 * before.y[i]); // its biases are 0
        for (int i = 0; i < T * D; i++) assert_true(after.dx[i] == 2 * before.dx[i]);
        sigmoe_block_free(block);
    }
}

// ---------------------------------------------------------------- mistakes and limits

static void mistakes_are_named(void **state) {
    (void)state;
    static pass p;
    sigmoe_block *block;
    sigmoe_config *config = new_config();
    REFUSED(sigmoe_block_create(NULL, 0, 1, SIGMOE_F32, &block), "configuration is NULL");
    REFUSED(sigmoe_block_create(config, 0, 1, SIGMOE_F32, &block), "ff.d_ff");
    OK(sigmoe_config_set(config, "ff.d_ff", "4"));
    REFUSED(sigmoe_block_create(config, 4, 1, SIGMOE_F32, &block), "`layer` is 4");
    REFUSED(sigmoe_block_create(config, -1, 1, SIGMOE_F32, &block), "`layer` is -1");
    REFUSED(sigmoe_block_create(config, 0, 1, (sigmoe_dtype)2, &block), "`dtype` is 2");
    sigmoe_config_free(config);
    block = new_block(moe_config("hash"), SIGMOE_F32);
    draw_pass(&p, true);
    REFUSED(sigmoe_block_backward(block, p.dy, p.dx), "sigmoe_block_forward with `keep`");
    REFUSED(sigmoe_block_forward(block, &(sigmoe_block_call){0}, p.y), "sigmoe_block_call_defaults");
    REFUSED(sigmoe_block_forward(block, &p.call, NULL), "`y` is NULL");
    p.call.x = NULL;
    REFUSED(sigmoe_block_forward(block, &p.call, p.y), "`x` is NULL");
    p.call.x = p.x;
    p.call.tokens = 0;
    REFUSED(sigmoe_block_forward(block, &p.call, p.y), "`tokens` is 0");
    p.call.tokens = INT64_MAX / 4;
    REFUSED(sigmoe_block_forward(block, &p.call, p.y), "`tokens` is 2305843009213693951");
    p.call.tokens = T;
    p.ids[4] = 11;
    REFUSED(sigmoe_block_forward(block, &p.call, p.y), "`ids` has 11 at position 4");
    p.ids[4] = -1;
    REFUSED(sigmoe_block_forward(block, &p.call, p.y), "`ids` has -1 at position 4");
    p.ids[4] = 0;
    p.call.ids = NULL;
    REFUSED(sigmoe_block_forward(block, &p.call, p.y), "needs the ids");
    p.call.ids = p.ids;
    p.call.keep = false;
    OK(sigmoe_block_forward(block, &p.call, p.y));
    REFUSED(sigmoe_block_backward(block, p.dy, p.dx), "`keep`");
    p.call.keep = true;
    OK(sigmoe_block_forward(block, &p.call, p.y));
    REFUSED(sigmoe_block_backward(block, NULL, p.dx), "`dy` is NULL");
    REFUSED(sigmoe_block_backward(block, p.dy, NULL), "`dx` is NULL");
    OK(sigmoe_block_backward(block, p.dy, p.dx));
    REFUSED(sigmoe_block_backward(block, p.dy, p.dx), "each time");
    sigmoe_block_free(block);
    sigmoe_block_free(NULL);
}

static sigmoe_status create_and_run(const sigmoe_config *config, sigmoe_dtype type, pass *p) {
    sigmoe_block *block;
    TRY(sigmoe_block_create(config, LAYER, SEED, type, &block));
    sigmoe_status status = sigmoe_block_forward(block, &p->call, p->y);
    if (status == SIGMOE_OK) status = sigmoe_block_backward(block, p->dy, p->dx);
    sigmoe_block_free(block);
    return status;
}

// Every allocation fails once; a call that failed takes nothing from the one that follows.
static void no_memory_is_told(void **state) {
    (void)state;
    static pass p, expected;
    sigmoe_config *config = moe_config("noisy_topk");
    draw_pass(&expected, true);
    expected.call.count_statistics = true;
    for (int type = SIGMOE_F32; type <= SIGMOE_BF16; type++) {
        OK(create_and_run(config, (sigmoe_dtype)type, &expected));
        int failures = 0;
        for (sigmoe_status status = SIGMOE_NO_MEMORY; status != SIGMOE_OK; failures++) {
            draw_pass(&p, true);
            p.call.count_statistics = true;
            arena_fail_after(failures);
            status = create_and_run(config, (sigmoe_dtype)type, &p);
            if (status != SIGMOE_OK) assert_int_equal(status, SIGMOE_NO_MEMORY);
        }
        arena_fail_after(-1);
        assert_true(failures > 30);
        assert_memory_equal(p.y, expected.y, sizeof p.y);
        assert_memory_equal(p.dx, expected.dx, sizeof p.dx);
    }
    sigmoe_config_free(config);
}

static void a_failed_pass_leaves_the_block_usable(void **state) {
    (void)state;
    static pass p, expected;
    sigmoe_block *block = new_block(moe_config("sigmoid"), SIGMOE_BF16);
    draw_pass(&expected, true);
    run_pass(block, &expected);
    draw_pass(&p, true);
    for (int allocation = 0; allocation < 12; allocation++) {
        OK(sigmoe_block_forward(block, &p.call, p.y)); // of which nothing is left then
        arena_fail_after(allocation);
        sigmoe_status status = sigmoe_block_forward(block, &p.call, p.y);
        bool forward_failed = status != SIGMOE_OK;
        if (status == SIGMOE_OK) status = sigmoe_block_backward(block, p.dy, p.dx);
        arena_fail_after(-1);
        assert_int_equal(status, SIGMOE_NO_MEMORY);
        if (forward_failed) REFUSED(sigmoe_block_backward(block, p.dy, p.dx), "`keep`");
        run_pass(block, &p);
        assert_memory_equal(p.y, expected.y, sizeof p.y);
        assert_memory_equal(p.dx, expected.dx, sizeof p.dx);
    }
    sigmoe_block_free(block);
}

static void passes_leave_no_memory_behind(void **state) {
    (void)state;
    static pass p;
    sigmoe_block *block = new_block(moe_config("sigmoid"), SIGMOE_BF16);
    draw_pass(&p, true);
    p.call.count_statistics = true;
    for (int i = 0; i < 3; i++) run_pass(block, &p);
    size_t before = allocated_bytes();
    for (int i = 0; i < 20; i++) run_pass(block, &p);
    assert_true(allocated_bytes() <= before);
    sigmoe_block_free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_is_right),
        cmocka_unit_test(sigma_moe_is_right),
        cmocka_unit_test(initial_values_are_the_models),
        cmocka_unit_test(gradients_add_up_until_cleared),
        cmocka_unit_test(written_values_count),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(no_memory_is_told),
        cmocka_unit_test(a_failed_pass_leaves_the_block_usable),
        cmocka_unit_test(passes_leave_no_memory_behind),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
