// Ranks that share a model's tensors: gradients are summed in the ranks' order whenever they travel, and each rank has the optimizer's
// state of its share alone, with the same losses, to the bit.
#include "distribute/rank_threads.h"
#include "model/size.h"
#include "train/fixture.h"
#include "train/tensor_flow.h"
#include "train/trainer_state.h"
#include "train/update.h"

// ---------------------------------------------------------------- tensors on their way

static const int64_t sizes[] = {5, 70000, 1, 300, (1 << 20) + 77, 16000, 2000, 3};
enum { TENSORS = sizeof sizes / sizeof *sizes };

static real number_of(int rank, int tensor, int64_t i) {
    return (real)(rank + 1) / (real)(3 + (tensor + i) % 1009);
}

static void fill_tensor(parameter_list *list, int rank, int k) {
    parameter *p = parameters_at(list, k);
    parameter_begin(list, p);
    for (int64_t i = 0; i < sizes[k]; i++) {
        p->gradient[i] = number_of(rank, k, i);
        p->value[i] = number_of(rank + 100, k, i);
    }
    parameter_end(list, p);
}

// With masters, every other tensor has a rounded copy instead of a value.
static sigmoe_status make_list(const team *t, bool masters, parameter_list **out) {
    static const char *const names[TENSORS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    TRY(parameters_create(out));
    for (int k = 0; k < TENSORS; k++) {
        const parameter_declaration declaration = {
            .name = names[k], .dims = 1, .shape = {sizes[k]}, .product = k % 2 == 0};
        TRY(parameters_declare(*out, &declaration, NULL));
    }
    TRY(parameters_allocate(*out, masters ? STORE_MASTERS : STORE_GRADIENTS));
    TRY(update_prepare(t, *out));
    for (int k = 0; k < TENSORS; k++) fill_tensor(*out, communicator_rank(t->link), k);
    return SIGMOE_OK;
}

static bool is_in(tensor_range range, int64_t i) {
    return i >= range.first && i < range.first + range.count;
}

static sigmoe_status check_gradients(const team *t, const parameter_list *list) {
    for (int k = 0; k < TENSORS; k++) {
        const parameter *p = parameters_at(list, k);
        for (int64_t i = 0; i < p->count; i++) {
            real sum = number_of(0, k, i);
            for (int rank = 1; rank < communicator_ranks(t->link); rank++) sum += number_of(rank, k, i);
            bool here = t->sharing.zero == 0 || is_in(team_share(t, p), i);
            CHECK(p->gradient[i] == (here ? sum : number_of(communicator_rank(t->link), k, i)));
        }
    }
    return SIGMOE_OK;
}

static sigmoe_status check_parameter_values(const team *t, const parameter_list *list) {
    for (int k = 0; k < TENSORS; k++) {
        const parameter *p = parameters_at(list, k);
        for (int rank = 0; rank < communicator_ranks(t->link); rank++) {
            tensor_range share = team_share_of(t, p, rank);
            for (int64_t i = share.first; i < share.first + share.count; i++) {
                real sent = number_of(rank + 100, k, i);
                CHECK(p->master ? p->rounded[i] == bf16_of((float)sent) : p->value[i] == sent);
            }
        }
    }
    return SIGMOE_OK;
}

static sigmoe_status exchange_list(const team *t, tensor_flow *f, const parameter_list *list, bool during) {
    const backward_listener *listener = tensor_flow_listener(f);
    tensor_flow_begin(f, FLOW_GRADIENTS);
    for (int first = TENSORS; during && first >= 0; first--) TRY(listener->reached(listener->context, first));
    TRY(tensor_flow_finish(f));
    TRY(check_gradients(t, list));
    tensor_flow_begin(f, FLOW_VALUES);
    TRY(tensor_flow_finish(f));
    return check_parameter_values(t, list);
}

static int64_t zero;
static bool during, masters;

static sigmoe_status let_tensors_flow(communicator *c) {
    team t = {0};
    parameter_list *list;
    tensor_flow *f;
    team_join(&t, c, &(team_sharing){.zero = zero}, 1);
    TRY(make_list(&t, masters, &list));
    TRY(tensor_flow_create(&t, list, &f));
    sigmoe_status status = exchange_list(&t, f, list, during);
    double all = 0;
    for (int k = 0; k < TENSORS; k++) all += (double)sizes[k];
    if (status == SIGMOE_OK) status = check(tensor_flow_costs(f).values == all, "all values are counted");
    tensor_flow_destroy(f);
    parameters_destroy(list);
    return status;
}

static void test_tensors_flow(void **state) {
    (void)state;
    for (int form = 0; form < 6; form++) {
        masters = form >= 4;
        zero = masters || form % 2;
        during = form / 2 % 2;
        all_work(let_tensors_flow);
    }
}

// ---------------------------------------------------------------- whole steps

enum { SEQUENCES = 4, STEPS = 5 };

static sigmoe_config config;
static dataset data;
static sigmoe_train_settings settings;
static team_sharing sharing;
static int64_t parts;
static step_report reports[MOST_RANKS][STEPS];
static double moment_bytes[MOST_RANKS], value_bytes[MOST_RANKS];

// Of unrounded values, shares of them included.
static double kept_bytes(const parameter_list *list) {
    double bytes = update_master_bytes(list);
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (p->value) bytes += (double)p->count * sizeof *p->value;
    }
    return bytes;
}

// What is stored beside moments and masters is what the prediction of memory counts.
static sigmoe_status check_prediction(const trainer *t) {
    const parameter_list *list = transformer_parameters(t->model);
    double predicted, stored = 0;
    TRY(model_weight_bytes(
        &config.model, update_storage(&t->team, settings.dtype), operand_type(settings.dtype), &predicted));
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        double count = (double)p->count;
        stored += p->value ? count * sizeof *p->value : 0;
        stored += p->gradient ? count * sizeof *p->gradient : 0;
        stored += p->rounded ? count * sizeof *p->rounded : 0;
        stored += p->table ? count * sizeof *p->table : 0;
    }
    return check(stored == predicted, "as many bytes are stored as are predicted");
}

static sigmoe_status learn(communicator *c) {
    trainer *t;
    trainer_request request = {.config = &config,
        .data = &data,
        .settings = &settings,
        .sharing = sharing,
        .accumulate = parts,
        .link = c,
        .threads = 1};
    int rank = communicator_rank(c);
    TRY(trainer_create(&request, &t));
    sigmoe_status status = trainer_compare(t);
    for (int i = 0; i < STEPS && status == SIGMOE_OK; i++) status = trainer_step(t, &reports[rank][i]);
    if (status == SIGMOE_OK) status = check_prediction(t);
    moment_bytes[rank] = update_moment_bytes(transformer_parameters(t->model));
    value_bytes[rank] = kept_bytes(transformer_parameters(t->model));
    trainer_destroy(t);
    return status;
}

static void learn_together(int ranks, team_sharing how) {
    rank_thread all[MOST_RANKS];
    sharing = how;
    run_ranks(ranks, 60, learn, all);
    for (int i = 0; i < ranks; i++) {
        if (all[i].status != SIGMOE_OK) print_error("%s\n", all[i].sentence);
        assert_int_equal(all[i].status, SIGMOE_OK);
    }
}

static void prepare_learning(sigmoe_dtype operands) {
    config = make_config(MOE);
    settings = small_settings(STEPS);
    settings.batch = SEQUENCES;
    settings.dtype = operands;
    OK(dataset_open(in_root("data"), &data));
}

static void assert_same_reports(const step_report *got, const step_report *expected) {
    for (int i = 0; i < STEPS; i++) {
        assert_true(got[i].loss == expected[i].loss);
        assert_true(got[i].gradient_norm == expected[i].gradient_norm);
    }
}

static void compare_sharing(int ranks, sigmoe_dtype wire) {
    step_report whole[STEPS];
    learn_together(ranks, (team_sharing){0, wire});
    memcpy(whole, reports[0], sizeof whole);
    double bytes = moment_bytes[0], values = value_bytes[0];
    learn_together(ranks, (team_sharing){1, wire});
    for (int rank = 0; rank < ranks; rank++) {
        assert_same_reports(reports[rank], whole);
        assert_near(moment_bytes[rank], bytes / ranks, 0.02 * bytes / ranks);
        // Most of the weights are operands of products.
        if (settings.dtype == SIGMOE_BF16 && ranks > 1)
            assert_true(value_bytes[rank] < (0.4 + 0.6 / ranks) * values);
        else
            assert_true(value_bytes[rank] == values);
    }
}

static void test_same_losses(void **state) {
    (void)state;
    for (int operands = SIGMOE_F32; operands <= SIGMOE_BF16; operands++)
        for (int ranks = 1; ranks <= SEQUENCES; ranks *= 2)
            for (parts = 1; parts <= (ranks < 4 ? 2 : 1); parts++) {
                prepare_learning(operands);
                compare_sharing(ranks, SIGMOE_F32);
                compare_sharing(ranks, SIGMOE_BF16);
            }
}

// Less exact, but not another training.
static void test_rounded_gradients(void **state) {
    (void)state;
    step_report exact[STEPS];
    parts = 1;
    prepare_learning(SIGMOE_F32);
    learn_together(2, (team_sharing){0, SIGMOE_F32});
    memcpy(exact, reports[0], sizeof exact);
    learn_together(2, (team_sharing){0, SIGMOE_BF16});
    assert_true(reports[0][0].gradient_norm != exact[0].gradient_norm);
    for (int i = 0; i < STEPS; i++) assert_near(reports[0][i].loss, exact[i].loss, 2e-3);
}

static void test_what_is_refused(void **state) {
    (void)state;
    OK(team_sharing_check(&(team_sharing){1, SIGMOE_BF16}));
    FAILS(SIGMOE_BAD_ARGUMENT, team_sharing_check(&(team_sharing){2, SIGMOE_F32}));
    assert_message_has("`zero` is 2");
    FAILS(SIGMOE_BAD_ARGUMENT, team_sharing_check(&(team_sharing){0, SIGMOE_INT8}));
    assert_message_has("`wire`");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_flow),
        cmocka_unit_test(test_same_losses),
        cmocka_unit_test(test_rounded_gradients),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
