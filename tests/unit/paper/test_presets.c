// Every preset is a valid model, and the paper's sizes come out to the last parameter.
#include "model/size.h"
#include "paper/presets.h"
#include "paper/variants.h"

#include <setjmp.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
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
        assert_int_equal(preset_named(p.about.name, &again), SIGMOE_OK);
        assert_string_equal(again.about.name, p.about.name);
        // The first of that name is this one. (Values, not bytes: structs have padding.)
        int64_t total, total_again;
        assert_int_equal(model_parameter_count(&p.config, &total), SIGMOE_OK);
        assert_int_equal(model_parameter_count(&again.config, &total_again), SIGMOE_OK);
        assert_int_equal(total_again, total);
        assert_ptr_equal(again.variant, p.variant);
        assert_true(again.settings.lr == p.settings.lr && again.settings.clip == p.settings.clip);
        assert_int_equal(again.settings.steps, p.settings.steps);
    }
}

static void unknown_preset_names_the_nearest(void **state) {
    (void)state;
    preset p;
    assert_int_equal(preset_named("wt-s-mo", &p), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "wt-s-moe"));
}

// All forms of a base have the parameters of its dense model, product-key memories of equal values apart, which have fewer.
static void presets_of_a_base_have_equal_sizes(void **state) {
    (void)state;
    static const struct {
        const char *base;
        int64_t dense;
    } bases[] = {{"wt-s", 47260120}, {"wt-s-star", 237696520}, {"wt-b", 262479950}, {"e8", 41234709},
        {"c4-s", 47260120}, {"c4-b", 262479950}, {"pes2o-s", 47260120}, {"pes2o-b", 262479950}};
    int held = 0;
    for (int i = 0; i < preset_count(); i++) {
        preset p;
        int64_t count;
        assert_int_equal(preset_at(i, &p), SIGMOE_OK);
        assert_int_equal(model_parameter_count(&p.config, &count), SIGMOE_OK);
        for (size_t b = 0; b < sizeof bases / sizeof *bases; b++) {
            if (strcmp(p.about.base, bases[b].base) != 0) continue;
            double off = fabs((double)(count - bases[b].dense)) / (double)bases[b].dense;
            if (p.variant->keeps_size ? count >= bases[b].dense : off > 0.006)
                fail_msg("%s has %lld parameters", p.about.name, (long long)count);
            held++;
        }
    }
    assert_int_equal(held, preset_count() - 1); // all but demo
}

static void product_keys_have_the_papers_sizes(void **state) {
    (void)state;
    static const struct {
        const char *base;
        int64_t by_value, matched;
    } cases[] = {{"wt-s", 46, 62}, {"wt-b", 64, 89}, {"e8", 46, 62}};
    static const char *const rows[] = {"pkm-softmax", "pkm-relu", "pkm-relu-init"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            char name[64];
            preset p;
            snprintf(name, sizeof name, "%s-%s", cases[i].base, rows[r]);
            assert_int_equal(preset_named(name, &p), SIGMOE_OK);
            assert_int_equal(p.config.ff.pkm.n_subkeys, cases[i].matched);
            snprintf(name, sizeof name, "%s-%s-value", cases[i].base, rows[r]);
            assert_int_equal(preset_named(name, &p), SIGMOE_OK);
            assert_int_equal(p.config.ff.pkm.n_subkeys, cases[i].by_value);
        }
}

// Both forms where the public code's sweeps differ, and only there.
static void code_forms_are_marked(void **state) {
    (void)state;
    preset p;
    assert_int_equal(preset_named("wt-s-moe", &p), SIGMOE_OK);
    assert_false(p.code);
    assert_true(p.about.published == 11.71);
    assert_true(p.config.ff.moe.expert_dropout == 0 && p.config.ff.moe.regularizer_weight == 1e-3);
    assert_int_equal(preset_named("wt-s-moe@code", &p), SIGMOE_OK);
    assert_true(p.code && p.about.code);
    assert_true(p.about.published == 11.59);
    assert_true(p.config.ff.moe.expert_dropout == 0.05 && p.config.ff.moe.regularizer_weight == 1e-4);
    assert_int_equal(preset_named("wt-s-dense@code", &p), SIGMOE_OK);
    assert_true(p.settings.clip == 0.1);
    assert_int_equal(preset_named("e8-moe@code", &p), SIGMOE_BAD_ARGUMENT);
}

// Settings of the public code's sweeps (its folder sweeps/), read off its files, for rows where the printed table has others.
static void code_forms_are_the_sweeps(void **state) {
    (void)state;
    static const struct {
        const char *name; // without @code
        double clip, expert_dropout, dropout, weight;
        moe_init init;
    } mixtures[] = {
        {"wt-b-moe", 0.25, 0.1, 0, 1e-3, MOE_INIT_DENSE_EQUIVALENT}, // wikitext103_moe_big_...
        {"wt-b-softmax-renorm", 0.25, 0.1, 0, 1e-3, MOE_INIT_DENSE_EQUIVALENT},
        {"wt-b-standard-init", 0.25, 0.1, 0, 1e-3, MOE_INIT_STANDARD},
        {"wt-b-half-k-2g", 0.25, 0.1, 0, 1e-3, MOE_INIT_DENSE_EQUIVALENT},
        {"wt-b-s-base-k4", 0.25, 0.1, 0, 1e-3, MOE_INIT_DENSE_EQUIVALENT},
        {"wt-s-switch-k4", 0.25, 0, 0, 0.01, MOE_INIT_SWITCH}, // ..._switch_h4_fix_reg
        {"e8-switch-k4", 0.25, 0, 0, 0.01, MOE_INIT_SWITCH},
        {"c4-s-moe", 0.25, 0, 0, 0, MOE_INIT_DENSE_EQUIVALENT},
        {"pes2o-s-s-base-k4", 0.25, 0, 0, 1e-4, MOE_INIT_DENSE_EQUIVALENT}, // pes2o_sbase
        {"c4-b-s-base-k4", 0.25, 0.1, 0, 1e-3, MOE_INIT_DENSE_EQUIVALENT},
        {"c4-b-switch", 0.25, 0, 0.2, 0.01, MOE_INIT_STANDARD}, // c4_big_switch
    };
    for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++) {
        char name[64];
        preset p, printed;
        snprintf(name, sizeof name, "%s@code", mixtures[i].name);
        assert_int_equal(preset_named(mixtures[i].name, &printed), SIGMOE_OK);
        if (preset_named(name, &p) != SIGMOE_OK) fail_msg("there is no %s", name);
        const moe_options *m = &p.config.ff.moe;
        if (p.settings.clip != mixtures[i].clip || m->expert_dropout != mixtures[i].expert_dropout ||
            m->dropout != mixtures[i].dropout || m->regularizer_weight != mixtures[i].weight ||
            m->init != (int)mixtures[i].init)
            fail_msg("%s: clip %g, expert dropout %g, dropout %g, weight %g, init %d", name, p.settings.clip,
                m->expert_dropout, m->dropout, m->regularizer_weight, m->init);
        assert_true(p.about.published == printed.about.published);
    }
    static const char *const switches[] = {"wt-s-switch", "wt-s-star-switch-k1", "wt-b-switch-no-dropout",
        "e8-switch-k4", "c4-s-switch", "pes2o-b-switch"};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        char name[64];
        preset printed, code;
        assert_int_equal(preset_named(switches[i], &printed), SIGMOE_OK);
        snprintf(name, sizeof name, "%s@code", switches[i]);
        assert_int_equal(preset_named(name, &code), SIGMOE_OK);
        assert_int_equal(printed.config.ff.moe.regularizer, REGULARIZER_SWITCH);
        assert_int_equal(code.config.ff.moe.regularizer, REGULARIZER_SWITCH_MEAN);
    }
    static const char *const clipped[] = {"wt-s-topk@code", "wt-s-star-dense@code", "c4-s-dense@code"};
    for (size_t i = 0; i < sizeof clipped / sizeof *clipped; i++) {
        preset p;
        assert_int_equal(preset_named(clipped[i], &p), SIGMOE_OK);
        assert_true(p.settings.clip == 0.1);
    }
    static const char *const agree[] = {"wt-b-dense@code", "wt-b-standard-dropout@code",
        "wt-b-no-regularization@code", "wt-s-star-moe@code", "e8-dense@code"};
    for (size_t i = 0; i < sizeof agree / sizeof *agree; i++) {
        preset p;
        assert_int_equal(preset_named(agree[i], &p), SIGMOE_BAD_ARGUMENT);
    }
}

// The paper's "no regularization" is γ = 0 and δ = 0; elsewhere it has expert dropout.
static void no_regularization_is_neither(void **state) {
    (void)state;
    preset p;
    assert_int_equal(preset_named("e8-no-regularization", &p), SIGMOE_OK);
    assert_int_equal(p.config.ff.moe.regularizer, REGULARIZER_NONE);
    assert_true(p.config.ff.moe.expert_dropout == 0);
}

// Of every mixture: the channels computed over the base's, K·G / (N_E·G), by the sizes that the names promise.
static void shares_are_the_channels_computed(void **state) {
    (void)state;
    static const struct {
        const char *base;
        double share; // of its σ-MoE: 4 of 16, 128, 32, 16 experts
    } bases[] = {{"wt-s", 4 / 16.}, {"wt-s-star", 4 / 128.}, {"wt-b", 4 / 32.}, {"e8", 4 / 16.}};
    static const struct {
        const char *row;
        double factor;
    } rows[] = {{"sigma-moe", 1}, {"standard-dropout", 1}, {"softmax-renorm", 1}, {"softmax", 1},
        {"standard-init", 1}, {"no-regularization", 1}, {"2k-half-g", 1}, {"half-k-2g", 1},
        {"quarter-k-4g", 1}, {"2ne-half-g", 0.5}, {"quarter-k", 0.25}, {"half-k", 0.5}, {"2k", 2},
        {"switch", 1}, {"switch-no-dropout", 1}, {"switch-k4", 1}, {"switch-k1", 0.25}, {"s-base", 1},
        {"s-base-k4", 1}};
    int mixtures = 0, held = 0;
    for (int i = 0; i < preset_count(); i++) {
        preset p;
        assert_int_equal(preset_at(i, &p), SIGMOE_OK);
        if (strcmp(p.config.variant->name, "moe") != 0) continue;
        for (size_t b = 0; b < sizeof bases / sizeof *bases; b++)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                if (strcmp(p.about.base, bases[b].base) != 0 || strcmp(p.variant->name, rows[r].row) != 0)
                    continue;
                if (fabs(p.about.ff_flops_share - bases[b].share * rows[r].factor) > 1e-12)
                    fail_msg("%s computes %.4f of the channels", p.about.name, p.about.ff_flops_share);
                held++;
            }
        mixtures += p.paper >= BASE_WT_S && p.paper <= BASE_E8;
    }
    assert_int_equal(held, mixtures);
}

// K/N_E of the experts' channels, router apart.
static void flops_share_is_k_over_n(void **state) {
    (void)state;
    preset p;
    assert_int_equal(preset_named("wt-s-moe", &p), SIGMOE_OK);
    ff_surroundings around = model_ff_surroundings(&p.config);
    double experts = p.config.variant->multiply_adds(&p.config.ff, &around);
    model_config dense;
    assert_int_equal(paper_variant_apply(paper_variant_named("dense"), &p.config, &dense), SIGMOE_OK);
    assert_true(experts == 0.25 * dense.variant->multiply_adds(&dense.ff, &around));
}

static void rows_need_a_moe_base(void **state) {
    (void)state;
    preset p;
    model_config out;
    assert_int_equal(preset_named("wt-s-dense", &p), SIGMOE_OK);
    assert_int_equal(
        paper_variant_apply(paper_variant_named("switch"), &p.config, &out), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(preset_named("wt-s-moe", &p), SIGMOE_OK);
    p.config.ff.moe.n_experts = 6; // not divisible by 4
    assert_int_equal(
        paper_variant_apply(paper_variant_named("switch"), &p.config, &out), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "ff.n_experts"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_the_papers),
        cmocka_unit_test(every_preset_is_valid_and_unique),
        cmocka_unit_test(unknown_preset_names_the_nearest),
        cmocka_unit_test(presets_of_a_base_have_equal_sizes),
        cmocka_unit_test(product_keys_have_the_papers_sizes),
        cmocka_unit_test(code_forms_are_marked),
        cmocka_unit_test(code_forms_are_the_sweeps),
        cmocka_unit_test(no_regularization_is_neither),
        cmocka_unit_test(shares_are_the_channels_computed),
        cmocka_unit_test(flops_share_is_k_over_n),
        cmocka_unit_test(rows_need_a_moe_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
