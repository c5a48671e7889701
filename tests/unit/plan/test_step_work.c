// What a step asks of a machine, against counts by hand.
#include "small_models.h"

#include "model/size.h"
#include "model/training_flops.h"

static void products_are_counted_by_hand(void **state) {
    (void)state;
    model_config model = small_mixture();
    step_work w = work_of(&model, 3);
    const double tokens = 30, layers = 2, d = 8, inner = 6;
    // Queries and outputs of the tokens, keys and values of 20 rows for 10 tokens; three times, as two for each multiply-add.
    double projections = 6 * layers * d * inner * (2 * tokens + 2 * 2 * tokens);
    // Positions of 20 rows, forward and for the gradient of their weights.
    projections += 2 * 2 * layers * d * inner * 20;
    assert_float_equal(w.operations[WORK_PROJECTIONS], projections, 1e-6);
    // Token i of 10 sees 10 rows of memory and i of the segment: 15.5 on average; content, position, values.
    assert_float_equal(w.operations[WORK_ATTENTION], 6 * layers * tokens * 3 * inner * 15.5, 1e-6);
    assert_float_equal(w.operations[WORK_EXPERTS], 6 * layers * tokens * d * (2 * 2 * 5 + 4), 1e-6);
    assert_float_equal(w.operations[WORK_LOGITS], 6 * tokens * d * 20, 1e-6);
    assert_true(w.operations[WORK_FEEDFORWARD] == 0);
}

// All parts together are what `info` and `bench step` count, but for positions.
static void parts_add_up_to_the_models_work(void **state) {
    (void)state;
    model_config models[] = {small_mixture(), small_dense()};
    for (int i = 0; i < 2; i++) {
        step_work w = work_of(&models[i], 4);
        double sum = -2 * 2 * 2 * 8 * 6 * 20;
        for (work_part part = 0; part < WORK_PARTS; part++) sum += w.operations[part];
        assert_float_equal(sum, 40 * training_flops_per_token(&models[i]), 1e-6 * sum);
    }
}

static void parameters_are_shared_or_experts(void **state) {
    (void)state;
    model_config model = small_mixture();
    step_work w = work_of(&model, 1);
    int64_t all;
    double bytes;
    OK(model_parameter_count(&model, &all));
    OK(model_weight_bytes(&model, STORE_GRADIENTS, TYPE_REAL, &bytes));
    assert_float_equal(w.experts, 2 * 4 * 2 * 8 * 5, 0);
    assert_float_equal(w.shared + w.experts, (double)all, 0);
    assert_float_equal(w.expert_bytes, 8 * w.experts, 0);
    assert_float_equal(w.shared_bytes + w.expert_bytes, bytes, 0);
    OK(step_work_of(&model, 1, TYPE_BF16, &w));
    assert_float_equal(w.expert_bytes, 10 * w.experts, 0); // with their rounded copies
}

static void rows_go_to_experts_alone(void **state) {
    (void)state;
    model_config mixture = small_mixture(), dense = small_dense();
    step_work with = work_of(&mixture, 3), without = work_of(&dense, 3);
    assert_float_equal(with.routed_bytes, 30 * 2 * 8 * 4, 0);
    assert_int_equal(with.expert_count, 4);
    assert_true(without.routed_bytes == 0 && without.experts == 0);
    assert_int_equal(without.expert_count, 0);
    mixture.ff.moe.regularizer = REGULARIZER_ENTROPY;
    mixture.ff.moe.regularizer_weight = 0.001;
    assert_true(with.gathered_bytes == 0);
    assert_float_equal(work_of(&mixture, 3).gathered_bytes, 3 * 4 * 8, 0);
}

static void the_twin_has_as_many_parameters(void **state) {
    (void)state;
    model_config mixture = small_mixture(), twin;
    int64_t of_mixture, of_twin;
    OK(dense_twin(&mixture, &twin));
    OK(model_parameter_count(&mixture, &of_mixture));
    OK(model_parameter_count(&twin, &of_twin));
    assert_string_equal(twin.variant->name, "dense");
    // A channel more in each of two layers is 2 * (2 * 8 + 1) parameters.
    assert_true(llabs(of_mixture - of_twin) <= 17);
}

static void sums_of_few_values_are_refused(void **state) {
    (void)state;
    step_work w;
    model_config model = small_model("pkm");
    option_defaults(model.variant->options, &model.ff);
    model.ff.pkm.n_subkeys = 6;
    model.ff.pkm.knn = 6;
    OK(step_work_of(&model, 1, TYPE_REAL, &w));
    model.ff.pkm.knn = 5;
    assert_int_equal(step_work_of(&model, 1, TYPE_REAL, &w), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "5 of 6 sub-keys"));
    model.ff.pkm.knn = 6;
    assert_int_equal(step_work_of(&model, 0, TYPE_REAL, &w), SIGMOE_BAD_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_counted_by_hand),
        cmocka_unit_test(parts_add_up_to_the_models_work),
        cmocka_unit_test(parameters_are_shared_or_experts),
        cmocka_unit_test(rows_go_to_experts_alone),
        cmocka_unit_test(the_twin_has_as_many_parameters),
        cmocka_unit_test(sums_of_few_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
