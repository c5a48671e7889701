// Every preset is a valid model, and the paper's sizes come out to the last parameter.
#include "model/presets.h"
#include "model/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *preset;
    int64_t parameters;
} totals[] = {
    {"wt-s-dense", 47260120},
    {"wt-s-moe", 47260232},
    {"wt-b-dense", 262479950},
    {"wt-b-moe", 262461266},
    {"e8-dense", 41234709},
    {"e8-moe", 41240793},
    {"wt-s-star-dense", 237696520},
    {"wt-s-star-moe", 237004360},
};

static void totals_are_the_papers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        preset p;
        int64_t count;
        assert_int_equal(preset_named(totals[i].preset, &p), SIGMOE_OK);
        assert_int_equal(model_parameter_count(&p.config, &count), SIGMOE_OK);
        assert_int_equal(count, totals[i].parameters);
    }
}

static void every_preset_is_valid_and_unique(void **state) {
    (void)state;
    int count = preset_count();
    assert_true(count > 100);
    for (int i = 0; i < count; i++) {
        preset p, again;
        assert_int_equal(preset_at(i, &p), SIGMOE_OK);
        if (model_config_check(&p.config) != SIGMOE_OK) fail_msg("%s: %s", p.about.name, sigmoe_message());
        char name[64];
        strcpy(name, p.about.name);
        assert_int_equal(preset_named(name, &again), SIGMOE_OK);
        assert_string_equal(again.about.name, name);
        assert_memory_equal(&again.config, &p.config, sizeof p.config); // the first of that name is this one
        assert_memory_equal(&again.settings, &p.settings, sizeof p.settings);
    }
}

static void unknown_preset_names_the_nearest(void **state) {
    (void)state;
    preset p;
    assert_int_equal(preset_named("wt-s-mo", &p), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "wt-s-moe"));
}

// K/N_E of the experts' channels, router apart.
static void flops_share_is_k_over_n(void **state) {
    (void)state;
    preset p;
    assert_int_equal(preset_named("wt-s-moe", &p), SIGMOE_OK);
    ff_surroundings around = model_ff_surroundings(&p.config);
    double experts = p.config.variant->multiply_adds(&p.config.ff, &around);
    model_config dense;
    assert_int_equal(comparison_row_apply(comparison_row_named("dense"), &p.config, &dense), SIGMOE_OK);
    assert_true(experts == 0.25 * dense.variant->multiply_adds(&dense.ff, &around));
}

static void rows_need_a_moe_base(void **state) {
    (void)state;
    preset p;
    model_config out;
    assert_int_equal(preset_named("wt-s-dense", &p), SIGMOE_OK);
    assert_int_equal(
        comparison_row_apply(comparison_row_named("switch"), &p.config, &out), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(preset_named("wt-s-moe", &p), SIGMOE_OK);
    p.config.ff.moe.n_experts = 6; // not divisible by 4
    assert_int_equal(
        comparison_row_apply(comparison_row_named("switch"), &p.config, &out), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "ff.n_experts"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_the_papers),
        cmocka_unit_test(every_preset_is_valid_and_unique),
        cmocka_unit_test(unknown_preset_names_the_nearest),
        cmocka_unit_test(flops_share_is_k_over_n),
        cmocka_unit_test(rows_need_a_moe_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
