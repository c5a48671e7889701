// The statistics only look: outputs and gradients have the same bits with and without, and the counts do not depend on the
// thread count.
#include "model/feedforward/registry.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward_block.h"

enum { TOKENS = 80, D_MODEL = 16, LAYER = 3, CASES = 7 };

typedef struct hook_case {
    const char *variant;
    ff_options options;
} hook_case;

static void make_cases(hook_case cases[CASES]) {
    ff_options masked = moe_block("sigmoid", 6, 8, 3);
    masked.moe.channels_kept = 5;
    masked.moe.expert_dropout = 0.2;
    const hook_case all[CASES] = {
        {"dense", {.dense = {.d_ff = 40}}},
        {"topk", {.topk = {.d_ff = 40, .k = 7}}},
        {"pkm", {.pkm = {.n_heads = 2, .n_subkeys = 6, .knn = 128, .activation = PKM_SOFTMAX}}},
        {"pkm", {.pkm = {.n_heads = 2, .n_subkeys = 6, .knn = 4, .activation = PKM_RELU}}},
        {"moe", moe_block("softmax", 6, 8, 3)},
        {"moe", moe_block("random", 6, 8, 2)},
        {"moe", masked},
    };
    memcpy(cases, all, sizeof all);
}

static void *copy_of(const void *bytes, size_t size) {
    void *copy = malloc(size);
    assert_non_null(copy);
    return memcpy(copy, bytes, size);
}

static void pass(block *b) {
    block_forward(b);
    block_backward(b);
    block_release(b);
}

static void check_unchanged(const hook_case *c) {
    block b = block_open(ff_variant_named(c->variant), c->options, block_around(D_MODEL, 0.1), TOKENS, 2);
    size_t size = (size_t)(TOKENS * D_MODEL) * sizeof(real);
    const parameter *last = parameters_at(b.list, parameters_length(b.list) - 1);
    pass(&b);
    void *y = copy_of(matrix_real(b.y), size), *dx = copy_of(matrix_real(b.dx), size);
    void *gradient = copy_of(last->gradient, (size_t)last->count * sizeof(real));
    must(ff_statistics_create(
        b.memory, b.layer.variant, &c->options, LAYER + 1, FF_DETAILS, &b.step.statistics));
    pass(&b);
    assert_memory_equal(matrix_real(b.y), y, size);
    assert_memory_equal(matrix_real(b.dx), dx, size);
    assert_memory_equal(last->gradient, gradient, (size_t)last->count * sizeof(real));
    assert_int_equal(b.step.statistics->layer[LAYER].tokens, TOKENS);
    assert_true(b.step.statistics->layer[LAYER].active > 0);
    free(y);
    free(dx);
    free(gradient);
    block_close(&b);
}

static void leaves_the_bits_alone(void **state) {
    (void)state;
    hook_case cases[CASES];
    make_cases(cases);
    for (int i = 0; i < CASES; i++) check_unchanged(&cases[i]);
}

static void count_with(const hook_case *c, int workers, arena *a, ff_statistics **s) {
    block b =
        block_open(ff_variant_named(c->variant), c->options, block_around(D_MODEL, 0.1), TOKENS, workers);
    must(ff_statistics_create(a, b.layer.variant, &c->options, LAYER + 1, FF_DETAILS, s));
    b.step.statistics = *s;
    block_forward(&b);
    block_release(&b);
    block_close(&b);
}

static void counts_the_same_with_any_number_of_threads(void **state) {
    (void)state;
    hook_case cases[CASES];
    arena *a;
    must(arena_create("test", &a));
    make_cases(cases);
    for (int i = 0; i < CASES; i++) {
        ff_statistics *one, *three;
        count_with(&cases[i], 1, a, &one);
        count_with(&cases[i], 3, a, &three);
        const ff_layer_statistics *x = &one->layer[LAYER], *y = &three->layer[LAYER];
        size_t n = (size_t)one->experts;
        assert_true(x->active == y->active && x->active_squares == y->active_squares);
        assert_memory_equal(x->fired, y->fired, (size_t)one->channels * sizeof *x->fired);
        if (n == 0) continue;
        assert_true(x->token_entropy == y->token_entropy);
        assert_memory_equal(x->weight, y->weight, n * sizeof *x->weight);
        assert_memory_equal(x->together, y->together, n * n * sizeof *x->together);
    }
    arena_destroy(a);
}

// What a training records needs no memory that grows with the square of the experts, or with what they fired on.
static void totals_are_counted_without_details(void **state) {
    (void)state;
    hook_case cases[CASES];
    make_cases(cases);
    const hook_case *c = &cases[4];
    block b = block_open(ff_variant_named(c->variant), c->options, block_around(D_MODEL, 0.1), TOKENS, 1);
    ff_statistics *s[2];
    for (ff_detail detail = FF_TOTALS; detail <= FF_DETAILS; detail++) {
        must(ff_statistics_create(b.memory, b.layer.variant, &c->options, LAYER + 1, detail, &s[detail]));
        b.step.statistics = s[detail];
        block_forward(&b);
        block_release(&b);
    }
    const ff_layer_statistics *few = &s[FF_TOTALS]->layer[LAYER], *all = &s[FF_DETAILS]->layer[LAYER];
    assert_null(few->together);
    assert_null(few->occasion);
    assert_non_null(all->together);
    assert_int_equal(few->tokens, TOKENS);
    assert_true(few->active == all->active && few->token_entropy == all->token_entropy);
    assert_memory_equal(few->weight, all->weight, (size_t)s[0]->experts * sizeof *few->weight);
    assert_memory_equal(few->chosen, all->chosen, (size_t)s[0]->experts * sizeof *few->chosen);
    block_close(&b);
}

// Tokens of equal weight are a sample of the whole text.
static void equal_weights_are_sampled(void **state) {
    (void)state;
    enum { SEGMENTS = 50, EXPERTS = 6 };
    ff_options options = moe_block("hash", EXPERTS, 8, 2);
    block b = block_open(&ff_variant_moe, options, block_around(D_MODEL, 0.1), TOKENS, 1);
    ff_statistics *s;
    must(ff_statistics_create(b.memory, b.layer.variant, &options, LAYER + 1, FF_DETAILS, &s));
    b.step.statistics = s;
    s->stream = SEGMENTS * TOKENS;
    for (int i = 0; i < SEGMENTS; i++) {
        s->first = i * TOKENS;
        block_forward(&b);
        block_release(&b);
    }
    int early = 0, count = 0;
    for (int i = 0; i < EXPERTS * FF_OCCASIONS; i++) {
        const ff_occasion *o = &s->layer[LAYER].occasion[i];
        if (o->position < 0) continue;
        assert_true(o->weight == 1);
        early += o->position < SEGMENTS * TOKENS / 4;
        count++;
    }
    assert_true(count > EXPERTS);
    assert_true(early > 0 && early < count / 2);
    block_close(&b);
}

static void pairs_of_very_many_experts_are_not_counted(void **state) {
    (void)state;
    ff_options few = moe_block("sigmoid", FF_MOST_PAIRED, 1, 2), many = moe_block("sigmoid", 65536, 1, 2);
    ff_statistics *s;
    arena *a;
    must(arena_create("test", &a));
    must(ff_statistics_create(a, &ff_variant_moe, &few, 1, FF_DETAILS, &s));
    assert_non_null(s->layer[0].together);
    must(ff_statistics_create(a, &ff_variant_moe, &many, 1, FF_DETAILS, &s));
    assert_null(s->layer[0].together);
    assert_int_equal(s->layer[0].occasion[65536 * FF_OCCASIONS - 1].position, -1);
    arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_the_bits_alone),
        cmocka_unit_test(counts_the_same_with_any_number_of_threads),
        cmocka_unit_test(totals_are_counted_without_details),
        cmocka_unit_test(equal_weights_are_sampled),
        cmocka_unit_test(pairs_of_very_many_experts_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
