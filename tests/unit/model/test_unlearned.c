// What the loss cannot teach is told, and only that: against the gradients themselves, over all routers, sizes and regularizers.
#include "model/feedforward/router_names.h"
#include "model/feedforward/route.h"
#include "model/feedforward/routers.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router.h"
#include "model/feedforward_block.h"

#include <float.h>

enum { TOKENS = 7, WIDTH = 4, MOST_EXPERTS = 3 };

// The largest gradient of a tensor; 0 where there is no such tensor.
static double steepest(const block *b, const char *name) {
    const parameter *p = block_tensor(b, name);
    double most = 0;
    for (int64_t i = 0; p && i < p->count; i++) {
        assert_true(isfinite(p->gradient[i]));
        most = fmax(most, fabs((double)p->gradient[i]));
    }
    return most;
}

typedef struct gradients {
    double selection, noise;
} gradients;

static gradients gradients_of(const ff_options *options) {
    block b = block_open(ff_variant_named("moe"), *options, block_around(WIDTH, 0), TOKENS, 1);
    block_forward(&b);
    block_backward(&b);
    gradients g = {steepest(&b, "router.weight"), steepest(&b, "router.noise")};
    block_release(&b);
    block_close(&b);
    return g;
}

static const char *sentence_on(const char *variant, const ff_options *options) {
    static char line[400];
    ff_variant_named(variant)->unlearned(options, line, sizeof line);
    return line;
}

static int told; // of the combinations

// Equal shares have no gradient but what rounding leaves.
static double tolerance(const moe_options *o) {
    bool shares = o->regularizer == REGULARIZER_SWITCH || o->regularizer == REGULARIZER_SWITCH_MEAN;
    return shares && o->k == o->n_experts && o->n_experts > 1 ? 1e-6 : 0;
}

static void check_router(const ff_options *options) {
    const moe_options *o = &options->moe;
    ff_options bare = *options;
    bare.moe.regularizer = REGULARIZER_NONE;
    bare.moe.regularizer_weight = 0;
    gradients all = gradients_of(options), loss = gradients_of(&bare);
    router_teacher teacher = router_taught_by(o), expected = TAUGHT_BY_LOSS;
    if (loss.selection == 0)
        expected = all.selection <= tolerance(o) ? TAUGHT_BY_NOTHING : TAUGHT_BY_REGULARIZER;
    if (teacher != expected)
        fail_msg("%s, %d of %d, regularizer %s, dropout %g and %g, %d channels: gradients %g and %g, teacher "
                 "%d, not %d",
            router_names[o->router], (int)o->k, (int)o->n_experts, regularizer_names[o->regularizer],
            o->expert_dropout, o->dropout, (int)o->channels_kept, loss.selection, all.selection, teacher,
            expected);
    if (teacher == TAUGHT_BY_NOTHING) assert_true(all.selection <= tolerance(o) && all.noise == 0);
    const char *sentence = sentence_on("moe", options);
    assert_int_equal(*sentence != '\0', teacher != TAUGHT_BY_LOSS);
    if (teacher == TAUGHT_BY_NOTHING) assert_non_null(strstr(sentence, "cannot learn"));
    if (teacher == TAUGHT_BY_REGULARIZER) assert_non_null(strstr(sentence, "regularizer alone"));
    told += teacher != TAUGHT_BY_LOSS;
}

// Everything that fits together with a router.
static void check_dropouts(ff_options options) {
    const router *kind = router_at(options.moe.router);
    for (int experts = 0; experts <= (kind->expert_dropout ? 1 : 0); experts++)
        for (int inside = 0; inside <= 1; inside++)
            for (int kept = 0; kept <= 1; kept++) {
                options.moe.expert_dropout = experts * 0.5;
                options.moe.dropout = inside * 0.1;
                options.moe.channels_kept = kept;
                check_router(&options);
            }
}

static void test_routers(void **state) {
    (void)state;
    for (int i = 0; router_at(i); i++) {
        if (!router_at(i)->learned) continue;
        for (int experts = 1; experts <= MOST_EXPERTS; experts++)
            for (int k = 1; k <= experts; k++)
                for (int r = 0; regularizer_names[r]; r++) {
                    ff_options options = moe_block(router_names[i], experts, 6, k);
                    options.moe.regularizer = r;
                    options.moe.regularizer_weight = r == REGULARIZER_NONE ? 0 : 0.25;
                    check_dropouts(options);
                }
    }
    assert_true(told > 0);
}

static void test_what_is_told(void **state) {
    (void)state;
    ff_options o = moe_block("softmax_topk", 4, 2, 1);
    assert_non_null(strstr(sentence_on("moe", &o), "with ff.k 1 the softmax_topk router"));
    o.moe.router = moe_router_named("softmax"); // Switch
    assert_string_equal(sentence_on("moe", &o), "");
    o.moe.n_experts = 1;
    assert_non_null(strstr(sentence_on("moe", &o), "with ff.n_experts 1"));
    o.moe.router = moe_router_named("hash");
    assert_string_equal(sentence_on("moe", &o), "");
}

static void test_subkeys(void **state) {
    (void)state;
    int alone = 0;
    for (int heads = 1; heads <= 2; heads++)
        for (int n = 1; n <= 3; n++)
            for (int knn = 1; knn <= 3; knn++)
                for (int activation = 0; activation < 2; activation++) {
                    ff_options o = {
                        .pkm = {.n_heads = heads, .n_subkeys = n, .knn = knn, .activation = activation}};
                    block b = block_open(ff_variant_named("pkm"), o, block_around(WIDTH, 0), TOKENS, 1);
                    block_forward(&b);
                    block_backward(&b);
                    bool taught = steepest(&b, "subkeys.0") > 0 && steepest(&b, "subkeys.1") > 0;
                    bool untaught = steepest(&b, "subkeys.0") == 0 && steepest(&b, "subkeys.1") == 0;
                    bool is_told = *sentence_on("pkm", &o) != '\0';
                    if (is_told ? !untaught : !taught)
                        fail_msg("%d heads, %d sub-keys, knn %d, activation %d", heads, n, knn, activation);
                    alone += is_told;
                    block_release(&b);
                    block_close(&b);
                }
    assert_true(alone > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routers),
        cmocka_unit_test(test_what_is_told),
        cmocka_unit_test(test_subkeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
