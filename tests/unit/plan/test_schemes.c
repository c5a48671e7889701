// Who has what, and who sends what to whom.
#include "small_models.h"

static step_work mixture_work(void) {
    model_config model = small_mixture();
    return work_of(&model, 3);
}

static void one_rank_sends_nothing(void **state) {
    (void)state;
    step_work w = mixture_work();
    for (scheme s = 0; s < SCHEMES; s++) {
        step_traffic t = scheme_traffic(s, &w, 1);
        assert_true(t.summed == 0 && t.routed == 0 && t.small == 0 && t.rounds == 0 && t.messages == 0);
        assert_float_equal(scheme_memory(s, &w, 1), scheme_memory(SCHEME_DATA, &w, 1), 0);
        assert_float_equal(scheme_updates(s, &w, 1), w.shared + w.experts, 0);
    }
}

// What all ranks have together is one model with its moments, whatever the scheme, except for what each must have whole.
static void schemes_divide_what_they_say(void **state) {
    (void)state;
    step_work w = mixture_work();
    double all = w.shared + w.experts;
    assert_float_equal(scheme_updates(SCHEME_DATA, &w, 8), all, 0);
    assert_float_equal(8 * scheme_updates(SCHEME_ZERO, &w, 8), all, 1e-9);
    assert_float_equal(scheme_updates(SCHEME_EXPERT, &w, 8), w.shared + w.experts / 4, 1e-9);
    assert_float_equal(8 * scheme_updates(SCHEME_EXPERT_ZERO, &w, 8), all, 1e-9);
    double data = scheme_memory(SCHEME_DATA, &w, 8), zero = scheme_memory(SCHEME_ZERO, &w, 8);
    assert_float_equal(data - zero, 8 * all * 7 / 8, 1e-6); // moments are 8 bytes for each parameter
    double experts = scheme_memory(SCHEME_EXPERT, &w, 8);
    // A quarter of the experts stays, with 16 bytes for each parameter; rows of two layers and of two more come.
    assert_float_equal(data - experts, 16 * w.experts * 3 / 4 - 4 * w.routed_bytes, 1e-6);
}

static void groups_divide_ranks_and_experts(void **state) {
    (void)state;
    step_work w = mixture_work(); // 4 experts
    static const int64_t ranks[] = {1, 2, 3, 4, 6, 8, 12}, groups[] = {1, 2, 1, 4, 2, 4, 4};
    for (int i = 0; i < 7; i++) assert_int_equal(expert_group(SCHEME_EXPERT, &w, ranks[i]), groups[i]);
    assert_int_equal(expert_group(SCHEME_DATA, &w, 4), 1);
}

static void gradients_cross_twice(void **state) {
    (void)state;
    step_work w = mixture_work();
    double all = 4 * (w.shared + w.experts);
    for (int64_t ranks = 2; ranks <= 64; ranks *= 2) {
        double share = 2 * (double)(ranks - 1) / (double)ranks;
        assert_float_equal(scheme_traffic(SCHEME_DATA, &w, ranks).summed, share * all, 1e-6);
        assert_float_equal(scheme_traffic(SCHEME_ZERO, &w, ranks).summed, share * all, 1e-6);
        assert_true(scheme_traffic(SCHEME_DATA, &w, ranks).routed == 0);
    }
}

// With bf16, ZeRO divides the values of operands of products, 4 bytes each, and sends 2 instead of 4 bytes after the update.
static void masters_are_shared_and_sent_rounded(void **state) {
    (void)state;
    model_config model = small_mixture();
    step_work w, in_f32 = mixture_work();
    OK(step_work_of(&model, 3, TYPE_BF16, &w));
    assert_true(in_f32.shared_masters == 0 && in_f32.expert_masters == 0);
    assert_true(w.shared_masters > 0 && w.shared_masters < w.shared && w.expert_masters == w.experts);
    double all = w.shared + w.experts, masters = w.shared_masters + w.expert_masters;
    double data = scheme_memory(SCHEME_DATA, &w, 8), zero = scheme_memory(SCHEME_ZERO, &w, 8);
    assert_float_equal(data - zero, (8 * all + 4 * masters) * 7 / 8, 1e-6);
    double experts = scheme_memory(SCHEME_EXPERT, &w, 8), both = scheme_memory(SCHEME_EXPERT_ZERO, &w, 8);
    // Two ranks have each expert.
    double given_up = 8 * w.shared + 4 * w.shared_masters;
    assert_float_equal(experts - both, given_up * 7 / 8 + 12 * w.experts / 4 / 2, 1e-6);
    double summed = scheme_traffic(SCHEME_DATA, &w, 8).summed;
    assert_float_equal(summed, 2 * 7.0 / 8 * 4 * all, 1e-6);
    assert_float_equal(summed - scheme_traffic(SCHEME_ZERO, &w, 8).summed, 7.0 / 8 * 2 * masters, 1e-6);
    summed = scheme_traffic(SCHEME_EXPERT, &w, 8).summed - scheme_traffic(SCHEME_EXPERT_ZERO, &w, 8).summed;
    assert_float_equal(summed, 7.0 / 8 * 2 * w.shared_masters + 2 * w.experts / 4 / 2, 1e-6);
}

static void rows_cross_four_times_a_layer(void **state) {
    (void)state;
    step_work w = mixture_work();
    step_traffic t = scheme_traffic(SCHEME_EXPERT, &w, 2);
    // Half of a rank's rows stay, and its half of the experts has no other copy.
    assert_float_equal(t.routed, 4 * 2 * w.routed_bytes / 2, 1e-6);
    assert_float_equal(t.summed, 4 * w.shared, 1e-6);
    t = scheme_traffic(SCHEME_EXPERT, &w, 8); // two copies of each expert
    assert_float_equal(t.routed, 4 * 2 * w.routed_bytes * 3 / 4, 1e-6);
    assert_float_equal(t.summed, 2 * 7.0 / 8 * 4 * w.shared + 4 * w.experts / 4, 1e-6);
}

// A sum has two rounds for each piece of 2^20 values, and in each a message to every other rank; a step agrees twice.
static void messages_are_counted(void **state) {
    (void)state;
    step_work w = mixture_work();
    step_traffic t = scheme_traffic(SCHEME_DATA, &w, 5);
    assert_float_equal(t.rounds, 2 + 2, 0);
    assert_float_equal(t.messages, 4 * (2 + 2), 0);
    w.shared = 3 * (1 << 20);
    w.gathered_bytes = 100;
    t = scheme_traffic(SCHEME_DATA, &w, 5);
    assert_float_equal(t.rounds, 2 * 4 + 2 + 2, 0); // two layers with a regularizer
    assert_float_equal(t.small, 4 * (2 * 100 + 2 * 16), 0);
}

static void what_cannot_be_is_said(void **state) {
    (void)state;
    char problem[96];
    model_config dense = small_dense();
    step_work w = mixture_work(), of_dense = work_of(&dense, 1);
    assert_true(scheme_possible(SCHEME_EXPERT, &w, 6, 12, problem, sizeof problem));
    assert_string_equal(problem, "");
    assert_false(scheme_possible(SCHEME_DATA, &w, 8, 4, problem, sizeof problem));
    assert_string_equal(problem, "4 sequences are too few for 8 ranks");
    assert_false(scheme_possible(SCHEME_DATA, &w, 8, 12, problem, sizeof problem));
    assert_string_equal(problem, "12 sequences cannot be divided among 8 ranks evenly");
    assert_false(scheme_possible(SCHEME_EXPERT_ZERO, &w, 3, 12, problem, sizeof problem));
    assert_string_equal(problem, "4 experts cannot be divided among 3 ranks");
    assert_true(scheme_possible(SCHEME_ZERO, &w, 3, 12, problem, sizeof problem));
    assert_false(scheme_possible(SCHEME_EXPERT, &of_dense, 2, 12, problem, sizeof problem));
    assert_string_equal(problem, "the model has no experts");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rank_sends_nothing),
        cmocka_unit_test(schemes_divide_what_they_say),
        cmocka_unit_test(groups_divide_ranks_and_experts),
        cmocka_unit_test(gradients_cross_twice),
        cmocka_unit_test(masters_are_shared_and_sent_rounded),
        cmocka_unit_test(rows_cross_four_times_a_layer),
        cmocka_unit_test(messages_are_counted),
        cmocka_unit_test(what_cannot_be_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
