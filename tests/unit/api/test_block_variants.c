// Every variant, router and regularizer by the public interface: the bits of the same block in the room of models, whose
// gradients the double build checks.
#include "config/config_file.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/regularizers.h"

#include "model/feedforward_block.h"

#include "api/small_blocks.h"

static void copy_values(sigmoe_block *from, block *to) {
    sigmoe_parameter p;
    int count = 0;
    for (; sigmoe_block_parameter(from, count, &p); count++) {
        parameter *own = parameters_at(to->list, 1 + count); // one tensor is before them
        assert_string_equal(p.name, own->name);
        assert_int_equal(p.dims, own->dims);
        assert_int_equal(p.count, own->count);
        assert_memory_equal(p.shape, own->shape, (size_t)p.dims * sizeof *p.shape);
        if (p.value)
            memcpy(own->value, p.value, (size_t)p.count * sizeof *p.value);
        else
            memcpy(own->table, p.table, (size_t)p.count * sizeof *p.table);
    }
    assert_int_equal(count + 1, parameters_length(to->list));
    parameters_changed(to->list);
}

static void check_gradients(sigmoe_block *got, const block *expected) {
    sigmoe_parameter p;
    for (int i = 0; sigmoe_block_parameter(got, i, &p); i++)
        if (p.value)
            assert_memory_equal(p.gradient, parameters_at(expected->list, 1 + i)->gradient,
                (size_t)p.count * sizeof *p.gradient);
}

static matrix as_bf16(block *b, matrix x) {
    matrix rounded;
    OK(matrix_new(b->memory, TYPE_BF16, x.rows, x.cols, &rounded));
    for (int64_t i = 0; i < x.rows * x.cols; i++) matrix_bf16(rounded)[i] = bf16_of(matrix_real(x)[i]);
    return rounded;
}

// The same pass by the room of models.
static void run_inside(block *b, const pass *p, sigmoe_dtype type) {
    memcpy(matrix_real(b->x), p->x, sizeof p->x);
    memcpy(matrix_real(b->dy), p->dy, sizeof p->dy);
    b->step.training = p->call.training;
    b->step.operands = operand_type(type);
    if (type == SIGMOE_BF16) {
        b->x = as_bf16(b, b->x);
        b->dy = as_bf16(b, b->dy);
        OK(parameters_round(&b->step.kernel, b->list));
    }
    block_forward(b);
    block_backward(b);
}

static void check_as_inside(sigmoe_config *config, bool training, sigmoe_dtype type) {
    static pass p;
    model_config model = config->model;
    sigmoe_block *outside = new_block(config, type);
    block inside = block_open(model.variant, model.ff, model_ff_surroundings(&model), T, 2);
    draw_values(outside);
    draw_pass(&p, training);
    copy_values(outside, &inside);
    run_inside(&inside, &p, type);
    run_pass(outside, &p);
    assert_memory_equal(p.y, matrix_real(inside.y), sizeof p.y);
    assert_memory_equal(p.dx, matrix_real(inside.dx), sizeof p.dx);
    check_gradients(outside, &inside);
    assert_true(sigmoe_block_regularizer(outside) == inside.step.regularizer);
    block_release(&inside);
    block_close(&inside);
    sigmoe_block_free(outside);
}

static sigmoe_config *copy_of(const sigmoe_config *config) {
    sigmoe_config *copy;
    OK(sigmoe_config_create(&copy));
    *copy = config_copy(config);
    return copy;
}

static void check_in_all_ways(sigmoe_config *config) {
    for (int way = 0; way < 4; way++)
        check_as_inside(copy_of(config), way & 1, way & 2 ? SIGMOE_BF16 : SIGMOE_F32);
    sigmoe_config_free(config);
}

static void every_variant_is_as_in_models(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *const keys[5][2];
    } variants[] = {{"dense", {{"ff.d_ff", "17"}}}, {"topk", {{"ff.d_ff", "17"}, {"ff.k", "5"}}},
        {"pkm", {{"ff.n_heads", "2"}, {"ff.n_subkeys", "4"}, {"ff.knn", "3"}, {"ff.activation", "relu"}}},
        {"moe", {{"ff.n_experts", "5"}, {"ff.expert_size", "6"}, {"ff.k", "2"}, {"ff.router", "sigmoid"},
                    {"ff.regularizer", "entropy"}}}};
    const ff_variant *variant;
    for (int i = 0; (variant = ff_variant_at(i)); i++) {
        size_t v = 0;
        while (v < sizeof variants / sizeof *variants && strcmp(variants[v].name, variant->name) != 0) v++;
        if (v == sizeof variants / sizeof *variants) fail_msg("add the keys of %s here", variant->name);
        sigmoe_config *config = new_config();
        OK(sigmoe_config_set(config, "dropout", "0.3"));
        OK(sigmoe_config_set(config, "ff.type", variant->name));
        for (int k = 0; k < 5 && variants[v].keys[k][0]; k++)
            OK(sigmoe_config_set(config, variants[v].keys[k][0], variants[v].keys[k][1]));
        check_in_all_ways(config);
    }
}

static void every_router_and_regularizer_is_as_in_models(void **state) {
    (void)state;
    int regularized = 0;
    for (int r = 0; router_names[r]; r++)
        for (int g = 0; regularizer_names[g]; g++) {
            sigmoe_config *config = moe_config(router_names[r]);
            OK(sigmoe_config_set(config, "ff.regularizer", regularizer_names[g]));
            OK(sigmoe_config_set(config, "ff.regularizer_weight", "0.5"));
            if (sigmoe_config_check(config) != SIGMOE_OK) { // a router without logits
                sigmoe_config_free(config);
                continue;
            }
            regularized += g > 0;
            check_in_all_ways(config);
        }
    assert_true(regularized > 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_is_as_in_models),
        cmocka_unit_test(every_router_and_regularizer_is_as_in_models),
    };
    return cmocka_run_group_tests_name("block variants", tests, NULL, NULL);
}
