// Layers of the public interface in double precision: experts of every form against plain loops to rounding, and blocks against
// central differences.
#include "api/expert_problem.h"
#include "api/small_blocks.h"

static void check_form(form f) {
    problem p = problem_new(f);
    buffer dweight = {NULL, p.dweight, SIGMOE_F32, f.T, f.K, f.K};
    run_problem(&p);
    expect_all(&p);
    double tolerance = tolerance_of(&f);
    assert_buffer("y", &p.y, p.y_is, NULL, tolerance);
    assert_buffer("dx", &p.dx, p.dx_is, NULL, tolerance);
    assert_buffer("dup", &p.dup, p.dup_is, NULL, tolerance);
    assert_buffer("ddown", &p.ddown, p.ddown_is, NULL, tolerance);
    assert_buffer("dup_bias", &p.dup_bias, p.dup_bias_is, NULL, tolerance);
    assert_buffer("ddown_bias", &p.ddown_bias, p.ddown_bias_is, NULL, tolerance);
    assert_buffer("dweight", &dweight, p.dweight_is, NULL, tolerance);
    problem_free(&p);
}

static void every_form_of_experts_is_right(void **state) {
    (void)state;
    for (int way = 0; way < 5 * 3 * 2 * 2; way++)
        check_form((form){.T = 19,
            .K = 3,
            .E = 5,
            .d = 13,
            .G = 6,
            .v = 9,
            .activation = (sigmoe_activation)(way % 5),
            .gate = (sigmoe_gate)(way / 5 % 3),
            .layout = (sigmoe_expert_layout)(way / 15 % 2),
            .up_bias = way / 30,
            .down_bias = way / 30});
}

// The loss that dy and the regularizer belong to.
static double loss_of(sigmoe_block *block, pass *p) {
    double sum = 0;
    OK(sigmoe_block_forward(block, &p->call, p->y));
    for (int i = 0; i < T * D; i++) sum += p->y[i] * p->dy[i];
    return sum + sigmoe_block_regularizer(block);
}

static void check_by_difference(const char *what, sigmoe_block *block, pass *p, sigmoe_real *value,
    const sigmoe_real *gradient, int64_t count) {
    const double step = 1e-6;
    for (int64_t i = 0; i < count; i += 7) {
        sigmoe_real held = value[i];
        value[i] = held + step;
        double above = loss_of(block, p);
        value[i] = held - step;
        double below = loss_of(block, p);
        value[i] = held;
        assert_close(what, i, gradient[i], (above - below) / (2 * step), 1e-7);
    }
}

static void check_block(sigmoe_config *config) {
    static pass p;
    sigmoe_block *block = new_block(config, SIGMOE_F32);
    draw_values(block);
    draw_pass(&p, true);
    run_pass(block, &p);
    sigmoe_real dx[T * D];
    memcpy(dx, p.dx, sizeof dx);
    check_by_difference("dx", block, &p, p.x, dx, T * D);
    sigmoe_parameter parameter;
    for (int i = 0; sigmoe_block_parameter(block, i, &parameter); i++)
        check_by_difference(parameter.name, block, &p, parameter.value, parameter.gradient, parameter.count);
    sigmoe_block_free(block);
}

static void gradients_of_blocks_are_differences(void **state) {
    (void)state;
    sigmoe_config *config = moe_config("sigmoid");
    OK(sigmoe_config_set(config, "ff.regularizer", "entropy"));
    OK(sigmoe_config_set(config, "ff.regularizer_weight", "0.5"));
    OK(sigmoe_config_set(config, "ff.expert_dropout", "0.2"));
    check_block(config);
    check_block(dense_config());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_experts_is_right),
        cmocka_unit_test(gradients_of_blocks_are_differences),
    };
    return cmocka_run_group_tests_name("layers in double precision", tests, NULL, NULL);
}
