// The whole model's gradient in double precision against central differences: every variant of the registry, dropout on, with
// memory from an earlier segment.
#include "model/feedforward/registry.h"
#include "model/transformer_xl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { VOCABULARY = 7, WIDTH = 6, LAYERS = 2, HEADS = 2, HEAD_WIDTH = 3, UNROLL = 3, BATCH = 2 };
enum { TOKENS = BATCH * UNROLL };

static const int32_t first_segment[TOKENS] = {0, 3, 6, 1, 1, 5};
static const int32_t inputs[TOKENS] = {2, 0, 3, 4, 6, 1};
static const int32_t targets[TOKENS] = {0, 3, 5, 6, 1, 2};

typedef struct bench {
    transformer *model;
    xl_memory *memory;
    real *remembered[LAYERS]; // of the first segment
    arena *activations, *scratch;
    threads *threads;
} bench;

static model_config tiny(const char *variant) {
    model_config c = {VOCABULARY, WIDTH, LAYERS, HEADS, HEAD_WIDTH, 0.2, UNROLL, 1, 2, NULL, {{0}}};
    c.variant = ff_variant_named(variant);
    assert_non_null(c.variant);
    option_defaults(c.variant->options, &c.ff);
    if (strcmp(variant, "dense") == 0) c.ff.dense.d_ff = 5;
    if (strcmp(variant, "topk") == 0) c.ff.topk = (topk_options){5, 2, false};
    if (strcmp(variant, "pkm") == 0) {
        c.ff.pkm.n_heads = 2;
        c.ff.pkm.n_subkeys = 4;
        c.ff.pkm.knn = 3;
    }
    if (strcmp(variant, "moe") == 0) {
        c.ff.moe.n_experts = 4;
        c.ff.moe.expert_size = 3;
        c.ff.moe.k = 2;
        c.ff.moe.regularizer = REGULARIZER_ENTROPY;
        c.ff.moe.regularizer_weight = 0.5;
        c.ff.moe.expert_dropout = 0.1;
    }
    return c;
}

static step_context step_of(bench *b, const int32_t *tokens, bool keep) {
    return (step_context){.kernel = {b->threads, b->scratch},
        .activations = b->activations,
        .training = true,
        .keep = keep,
        .seed = 11,
        .step = 4,
        .tokens = tokens,
        .batch = BATCH,
        .length = UNROLL};
}

static void ok(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

// Every tensor gets some spread, so that biases, norms and scales take part.
static void disturb(parameter_list *list) {
    for (int i = 0; i < parameters_length(list); i++) {
        parameter *p = parameters_at(list, i);
        random_stream s = {.seed = 5, .layer = (uint32_t)i, .purpose = RANDOM_TEST};
        for (int64_t j = 0; p->trainable && j < p->count; j++)
            p->value[j] += 0.3 * random_normal(s, (uint64_t)j);
    }
}

static void set_up(bench *b, const char *variant) {
    model_config c = tiny(variant);
    ok(threads_create(1, &b->threads));
    ok(arena_create("activations", &b->activations));
    ok(arena_create("scratch", &b->scratch));
    ok(transformer_create(&c, STORE_GRADIENTS, &b->model));
    kernel_context kernel = {b->threads, b->scratch};
    parameters_initialize(&kernel, transformer_parameters(b->model), 3);
    disturb(transformer_parameters(b->model));
    ok(xl_memory_create(&c, BATCH, 1, UNROLL, &b->memory));
    step_context step = step_of(b, first_segment, false);
    double nats[TOKENS];
    ok(transformer_loss(b->model, &step, b->memory, targets, nats));
    assert_int_equal(xl_memory_length(b->memory), UNROLL);
    for (int i = 0; i < LAYERS; i++) {
        ok(ARENA_NEW(b->activations, b->remembered[i], TOKENS * WIDTH));
        xl_memory_export(b->memory, i, b->remembered[i]);
    }
}

static void tear_down(bench *b) {
    xl_memory_destroy(b->memory);
    transformer_destroy(b->model);
    arena_destroy(b->activations);
    arena_destroy(b->scratch);
    threads_destroy(b->threads);
}

static double loss(bench *b, bool keep) {
    for (int i = 0; i < LAYERS; i++) xl_memory_import(b->memory, i, b->remembered[i], UNROLL);
    step_context step = step_of(b, inputs, keep);
    double nats[TOKENS], sum = 0;
    ok(transformer_loss(b->model, &step, b->memory, targets, nats));
    for (int i = 0; i < TOKENS; i++) sum += nats[i];
    return sum / TOKENS + step.regularizer;
}

// One entry's central difference at two step sizes. Where they disagree the interval holds a kink (a ReLU's zero, a change of
// routing) and the entry says nothing.
static bool difference(bench *b, real *entry, double *slope) {
    double old = *entry, slopes[2];
    for (int i = 0; i < 2; i++) {
        double h = i ? 1e-6 : 1e-5;
        *entry = old + h;
        double above = loss(b, false);
        *entry = old - h;
        slopes[i] = (above - loss(b, false)) / (2 * h);
    }
    *entry = old;
    *slope = slopes[0];
    return fabs(slopes[0] - slopes[1]) <= 1e-6 * (1 + fabs(slopes[0]));
}

// Returns the number of entries whose gradient is wrong; asserts that nearly all could be judged.
static int wrong_entries(bench *b, bool report) {
    parameter_list *list = transformer_parameters(b->model);
    int wrong = 0, judged = 0, seen = 0;
    for (int i = 0; i < parameters_length(list); i++) {
        parameter *p = parameters_at(list, i);
        int64_t stride = p->count > 7 ? p->count / 7 : 1;
        for (int64_t j = 0; p->trainable && j < p->count; j += stride) {
            double slope;
            seen++;
            if (!difference(b, &p->value[j], &slope)) continue;
            judged++;
            if (fabs(slope - p->gradient[j]) <= 2e-7 * (1 + fabs(slope))) continue;
            wrong++;
            if (report)
                print_message("%s[%d]: %.12g, difference %.12g\n", p->name, (int)j, p->gradient[j], slope);
        }
    }
    assert_true(judged > seen * 9 / 10);
    return wrong;
}

static void gradients_match_differences(void **state) {
    (void)state;
    for (int v = 0; ff_variant_at(v); v++) {
        bench b;
        set_up(&b, ff_variant_at(v)->name);
        loss(&b, true);
        int wrong = wrong_entries(&b, true);
        if (wrong) fail_msg("%s: %d wrong gradient entries", ff_variant_at(v)->name, wrong);
        tear_down(&b);
    }
}

// The checker itself: a gradient one per mille off, in one tensor, is seen.
static void planted_bug_is_seen(void **state) {
    (void)state;
    bench b;
    set_up(&b, "moe");
    loss(&b, true);
    parameter *p = parameters_find(transformer_parameters(b.model), "layers.0.attn.position.weight");
    for (int64_t i = 0; i < p->count; i++) p->gradient[i] *= 1.001;
    assert_true(wrong_entries(&b, false) > 0);
    tear_down(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_differences),
        cmocka_unit_test(planted_bug_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
