// The words of --variants: rows, options, sizes that follow, and what is refused.
#include "model/feedforward/router_names.h"
#include "paper/presets.h"
#include "compare/variant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static model_config base(void) {
    preset p;
    assert_int_equal(preset_named("wt-s-moe", &p), SIGMOE_OK);
    return p.config;
}

static model_config chosen(const char *text) {
    model_config config = base();
    variant_choice choice;
    if (variant_choose(text, &config, &choice) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    return choice.model;
}

// The sentence names the variant and says `part`.
static void refused(const char *text, const char *part) {
    model_config config = base();
    variant_choice choice;
    assert_int_equal(variant_choose(text, &config, &choice), SIGMOE_BAD_ARGUMENT);
    if (!strstr(sigmoe_message(), part)) fail_msg("\"%s\" does not say \"%s\"", sigmoe_message(), part);
    if (!strstr(sigmoe_message(), text)) fail_msg("\"%s\" does not name %s", sigmoe_message(), text);
}

static void every_listed_variant_can_be_chosen(void **state) {
    (void)state;
    sigmoe_variant variant;
    int count = 0;
    for (; sigmoe_variant_at(count, &variant); count++) {
        chosen(variant.name);
        assert_true(strlen(variant.summary) > 0);
    }
    assert_int_equal(count, paper_variant_count());
    assert_false(sigmoe_variant_at(-1, &variant));
}

static void options_are_set(void **state) {
    (void)state;
    model_config topk = chosen("topk:k=64:norm_compensation=true");
    assert_int_equal(topk.ff.topk.k, 64);
    assert_true(topk.ff.topk.norm_compensation);
    assert_int_equal(topk.ff.topk.d_ff, 2053); // matched all the same
    model_config router = chosen("sigma-moe:router=softmax:dropout=0.25");
    assert_int_equal(router.ff.moe.router, moe_router_named("softmax"));
    assert_true(router.ff.moe.dropout == 0.25);
    assert_int_equal(chosen("topk").ff.topk.k, 512); // K·G of the base
}

static void a_size_that_is_given_stays(void **state) {
    (void)state;
    assert_int_equal(chosen("dense:d_ff=100").ff.dense.d_ff, 100);
    assert_int_equal(chosen("pkm-relu:n_subkeys=46").ff.pkm.n_subkeys, 46);
}

static void experts_keep_the_channels(void **state) {
    (void)state;
    model_config larger = chosen("switch:expert_size=1024:dropout=0.1");
    assert_int_equal(larger.ff.moe.expert_size, 1024);
    assert_int_equal(larger.ff.moe.n_experts, 2);
    model_config more = chosen("sigma-moe:n_experts=64");
    assert_int_equal(more.ff.moe.expert_size, 32);
    model_config both = chosen("sigma-moe:n_experts=10:expert_size=100");
    assert_int_equal(both.ff.moe.n_experts, 10);
    assert_int_equal(both.ff.moe.expert_size, 100);
    refused("sigma-moe:expert_size=100", "does not divide");
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    refused("swich", "\"switch\"");
    refused("", "no variant");
    refused("mamba", "`sigmoe_variant_at` lists all");
    refused("topk:kk=5", "\"k\"");
    refused("topk:d_f=5", "\"d_ff\"");
    refused("topk:k", "key=value");
    refused("topk:=5", "key=value");
    refused("topk:", "key=value");
    refused("topk:k=5:k=6", "twice");
    refused("topk:k=many", "ff.k");
    refused("topk:k=0", "ff.k");
    refused("topk:k=99999", "ff.k"); // more than the matched d_ff
    refused("sigma-moe:k=17", "ff.k");
    refused("sigma-moe:router=sigmoyd", "sigmoid");
}

static void a_row_that_does_not_divide_names_itself(void **state) {
    (void)state;
    model_config config = base();
    variant_choice choice;
    config.ff.moe.n_experts = 15;
    config.ff.moe.k = 3;
    assert_int_equal(variant_choose("switch", &config, &choice), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "variant switch: ff.n_experts of the base is 15"));
    assert_int_equal(variant_choose("half-k", &config, &choice), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "variant half-k: ff.k"));
}

static void a_base_that_is_no_mixture_is_refused(void **state) {
    (void)state;
    model_config dense = chosen("dense");
    variant_choice choice;
    assert_int_equal(variant_choose("dense", &dense, &choice), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "ff.type"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_variant_can_be_chosen),
        cmocka_unit_test(options_are_set),
        cmocka_unit_test(a_size_that_is_given_stays),
        cmocka_unit_test(experts_keep_the_channels),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_row_that_does_not_divide_names_itself),
        cmocka_unit_test(a_base_that_is_no_mixture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
