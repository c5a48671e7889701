// The sentence about a step whose numbers are not finite: it names where they first were.
#include "train/not_finite.h"

#include "train/fixture.h"
#include "train/recovery.h"
#include "train/saving.h"
#include "train/trainer_state.h"
#include "train/update.h"

static trainer *make_trainer(const sigmoe_train_settings *settings, const char *on_nonfinite) {
    sigmoe_config config = make_config(MOE);
    dataset data;
    OK(dataset_open(in_root("data"), &data));
    trainer_request request = {.config = &config,
        .data = &data,
        .settings = settings,
        .threads = 1,
        .watching = {.on_nonfinite = on_nonfinite}};
    trainer *t = NULL;
    OK(trainer_create(&request, &t));
    return t;
}

// The first step of a model of which a value of one tensor is NaN.
static void step_fails(
    const char *tensor, sigmoe_dtype type, sigmoe_recompute recompute, const char *expected) {
    sigmoe_train_settings settings = small_settings(10);
    settings.dtype = type;
    trainer *t = make_trainer(&settings, NULL);
    step_report report;
    trainer_recompute(t, recompute);
    parameter_list *list = transformer_parameters(trainer_model(t));
    parameter *p = parameters_find(list, tensor);
    assert_non_null(p);
    for (int64_t i = 0; i < p->count; i++) p->value[i] = NAN;
    parameters_changed(list);
    FAILS(SIGMOE_NOT_FINITE, trainer_step(t, &report));
    assert_message_has("step 0: ");
    assert_message_has(expected);
    assert_message_has("`on_nonfinite`");
    assert_int_equal(trainer_steps_done(t), 0);
    trainer_destroy(t);
}

static void the_first_output_is_named(void **state) {
    (void)state;
    for (int type = SIGMOE_F32; type <= SIGMOE_BF16; type++)
        for (int recompute = SIGMOE_RECOMPUTE_NONE; recompute <= SIGMOE_RECOMPUTE_ALL; recompute++) {
            step_fails("embed.weight", type, recompute, "first the output of the embedding; ");
            step_fails(
                "layers.0.attn.v.weight", type, recompute, "first the output of layers.0, attention; ");
            step_fails(
                "layers.1.attn_norm.bias", type, recompute, "first the output of layers.1, attention; ");
            step_fails("layers.0.ff.experts.down", type, recompute,
                "first the output of layers.0, feedforward block; ");
            step_fails("layers.1.ff_norm.weight", type, recompute,
                "first the output of layers.1, feedforward block; ");
            step_fails("head.bias", type, recompute, "first the logits; ");
        }
}

static void the_first_gradient_is_named(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(10);
    trainer *t = make_trainer(&settings, NULL);
    step_report report;
    OK(trainer_step(t, &report));
    parameter_list *list = transformer_parameters(trainer_model(t));
    parameters_find(list, "layers.0.attn.q.weight")->gradient[0] = INFINITY;
    parameters_find(list, "layers.1.ff.experts.up")->gradient[3] = NAN;
    report.gradient_norm = NAN;
    const parameter *bad;
    OK(update_first_bad_gradient(&(team){0}, list, trainer_activations(t), &bad));
    FAILS(SIGMOE_NOT_FINITE, step_not_finite(bad, 0, &report, (model_place){0}));
    assert_message_has("the gradient is not finite, first that of layers.1.ff.experts.up; ");
    report.regularizer = NAN;
    FAILS(SIGMOE_NOT_FINITE, step_not_finite(bad, 0, &report, (model_place){0}));
    assert_message_has("the regularizer is not finite; ");
    trainer_destroy(t);
}

static void policies_are_read(void **state) {
    (void)state;
    not_finite_policy p;
    OK(not_finite_policy_read(NULL, &p));
    assert_int_equal(p.action, NOT_FINITE_STOP);
    OK(not_finite_policy_read("skip", &p));
    assert_int_equal(p.action, NOT_FINITE_SKIP);
    OK(not_finite_policy_read("rewind", &p));
    assert_true(p.action == NOT_FINITE_REWIND && p.lr_factor == 1);
    OK(not_finite_policy_read("rewind:0.25", &p));
    assert_true(p.action == NOT_FINITE_REWIND && p.lr_factor == 0.25);
    static const char *const wrong[] = {"", "Skip", "rewind:", "rewind:1", "rewind:0", "rewind:-0.5",
        "rewind:nan", "rewind:0.5 ", "rewind:0.0000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FAILS(SIGMOE_BAD_ARGUMENT, not_finite_policy_read(wrong[i], &p));
        assert_message_has("`on_nonfinite` is \"");
    }
}

static void step_and_save(trainer *t) {
    step_report report;
    OK(trainer_step(t, &report));
    OK(run_log_step(&t->log, &report));
    OK(trainer_save(t));
}

// A rewind finds the newest checkpoint damaged: it goes back to the one before, and sets that one aside.
static void a_rewind_passes_over_damage(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(10);
    trainer *t = make_trainer(&settings, "rewind");
    step_report report;
    OK(trainer_begin_run(t, in_root("rewound")));
    step_and_save(t);
    step_and_save(t);
    parameters_find(transformer_parameters(trainer_model(t)), "embed.weight")->value[0] = NAN;
    parameters_changed(transformer_parameters(trainer_model(t)));
    for (sigmoe_status status = SIGMOE_OK; status == SIGMOE_OK;) // until a batch has that token
        if ((status = trainer_step(t, &report)) == SIGMOE_OK) OK(run_log_step(&t->log, &report));
    assert_true(truncate(in_root("rewound/checkpoints/00000002/trainer.safetensors"), 100) == 0);
    OK(trainer_after_not_finite(t, &report, SIGMOE_NOT_FINITE));
    assert_int_equal(trainer_steps_done(t), 1);
    assert_int_equal(access(in_root("rewound/checkpoints/00000002.damaged"), F_OK), 0);
    assert_int_not_equal(access(in_root("rewound/checkpoints/00000002"), F_OK), 0);
    step_and_save(t);
    assert_true(
        isfinite(parameters_find(transformer_parameters(trainer_model(t)), "embed.weight")->value[0]));
    trainer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_output_is_named),
        cmocka_unit_test(the_first_gradient_is_named),
        cmocka_unit_test(policies_are_read),
        cmocka_unit_test(a_rewind_passes_over_damage),
    };
    return cmocka_run_group_tests_name("not_finite", tests, make_root, remove_root);
}
