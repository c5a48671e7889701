// Mixed precision against f32 on the same weights: losses and gradients within a bound, equal bits at any thread count,
// after a resume and however much the backward computes again, and weights on disk that have all their digits.
#include "train/fixture.h"
#include "train/trainer_state.h"

enum { TOKENS = 192, WIDE = 64, SEGMENT = 48, SEQUENCES = TOKENS / SEGMENT };

// How far from f32: the loss; all gradients together; any one tensor's, each as a share of the f32 one's norm. An operand's
// rounding is at most 2^-9 of it, and a dozen follow each other between the loss and the first layer. What is chosen
// (channels, experts) may be chosen otherwise near a tie, so that those that choose get another bound.
typedef struct bound {
    double loss, gradient, tensor;
} bound;
static const bound smooth = {1e-3, 0.02, 0.08}, choosing = {2e-3, 0.08, 0.3};

typedef struct mixture {
    const char *name, *ff;
} mixture;

static const mixture mixtures[] = {
    {"dense", "{\"type\": \"dense\", \"d_ff\": 150}"},
    {"topk", "{\"type\": \"topk\", \"d_ff\": 150, \"k\": 150}"},
    {"pkm-softmax", "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 9, \"activation\": \"softmax\"}"},
    {"sigmoid",
        "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 33, \"k\": 5, \"router\": \"sigmoid\", "
        "\"regularizer\": \"entropy\", \"regularizer_weight\": 0.01}"},
    {"softmax",
        "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 33, \"k\": 5, \"router\": \"softmax\", "
        "\"regularizer\": \"switch\", \"regularizer_weight\": 0.01}"},
    {"noisy",
        "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 33, \"k\": 5, \"router\": \"noisy_topk\", "
        "\"dropout\": 0.2, \"regularizer\": \"cv\", \"regularizer_weight\": 0.01}"},
    {"hash", "{\"type\": \"moe\", \"n_experts\": 6, \"expert_size\": 17, \"k\": 2, \"router\": \"hash\", "
             "\"regularizer\": \"none\"}"},
    // These choose; the scores of a product-key memory lie around the ReLU's zero.
    {"pkm", "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 9, \"activation\": \"relu\"}"},
    {"topk-chosen", "{\"type\": \"topk\", \"d_ff\": 150, \"k\": 20}"},
    {"sigma-moe",
        "{\"type\": \"moe\", \"n_experts\": 8, \"expert_size\": 16, \"k\": 2, \"router\": \"sigmoid\", "
        "\"expert_dropout\": 0.1, \"regularizer\": \"entropy\", \"regularizer_weight\": 0.01}"},
    {"pkm-found",
        "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 9, \"knn\": 8, \"activation\": \"relu\"}"},
    {"pkm-softmax-found",
        "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 9, \"knn\": 4, \"activation\": \"softmax\"}"},
    {"kept", "{\"type\": \"moe\", \"n_experts\": 8, \"expert_size\": 16, \"k\": 2, \"router\": \"sinkhorn\", "
             "\"channels_kept\": 20, \"regularizer\": \"none\"}"},
};
enum { MIXTURES = sizeof mixtures / sizeof *mixtures, CHOOSING_FROM = 7 };

typedef struct subject {
    sigmoe_config config;
    workspace work;
    transformer *model;
    xl_memory *memory;
    int32_t inputs[TOKENS], targets[TOKENS];
    double loss, regularizer;
} subject;

static void open_subject(subject *s, const char *ff, int thread_count) {
    *s = (subject){.config = make_config(ff)};
    model_config *c = &s->config.model;
    c->d_model = WIDE, c->n_heads = 3, c->d_head = 21, c->unroll = SEGMENT;
    OK(workspace_open(thread_count, &s->work));
    OK(transformer_create(c, STORE_GRADIENTS, &s->model));
    parameters_initialize(&s->work.kernel, transformer_parameters(s->model), 3);
    OK(xl_memory_create(c, SEQUENCES, 1, SEGMENT, &s->memory));
    random_stream stream = {.seed = 9, .purpose = RANDOM_TEST};
    for (int i = 0; i < TOKENS; i++) {
        s->inputs[i] = (int32_t)(random_bits(stream, (uint64_t)i) % VOCABULARY);
        s->targets[i] = (int32_t)(random_bits(stream, (uint64_t)(TOKENS + i)) % VOCABULARY);
    }
}

static void close_subject(subject *s) {
    xl_memory_destroy(s->memory);
    transformer_destroy(s->model);
    workspace_close(&s->work);
}

// Two segments, so that the second sees memory; the gradients are of both together.
static void run_subject(subject *s, dtype operands) {
    transformer_set_operands(s->model, operands);
    parameters_zero_gradients(&s->work.kernel, transformer_parameters(s->model));
    xl_memory_reset(s->memory);
    s->loss = 0;
    for (uint64_t segment = 0; segment < 2; segment++) {
        step_context step = {.kernel = s->work.kernel,
            .activations = s->work.activations,
            .training = true,
            .keep = true,
            .seed = 11,
            .step = segment,
            .tokens = s->inputs,
            .batch = SEQUENCES,
            .length = SEGMENT};
        double nats[TOKENS];
        OK(transformer_loss(s->model, &step, s->memory, s->targets, nats));
        for (int i = 0; i < TOKENS; i++) s->loss += nats[i] / (2 * TOKENS);
        s->regularizer = step.regularizer;
    }
}

static double norm_of_difference(const real *a, const real *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double difference = (double)a[i] - (b ? (double)b[i] : 0);
        sum += difference * difference;
    }
    return sqrt(sum);
}

typedef struct error {
    double gradient, tensor; // of all together, and the largest of a tensor
    const char *name;        // that tensor's
} error;

static error errors_of(const subject *exact, const subject *mixed) {
    parameter_list *list = transformer_parameters(exact->model),
                   *other = transformer_parameters(mixed->model);
    error e = {.name = "none"};
    double all = 0, off = 0;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i), *q = parameters_at(other, i);
        if (!p->trainable) continue;
        all = hypot(all, norm_of_difference(p->gradient, NULL, p->count));
        off = hypot(off, norm_of_difference(p->gradient, q->gradient, p->count));
    }
    e.gradient = off / all;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i), *q = parameters_at(other, i);
        if (!p->trainable) continue;
        // A gradient that is next to nothing (of a sum that cancels) is judged by what surrounds it.
        double norm = fmax(norm_of_difference(p->gradient, NULL, p->count), 1e-3 * all);
        double share = norm_of_difference(p->gradient, q->gradient, p->count) / norm;
        if (share > e.tensor) e.tensor = share, e.name = p->name;
    }
    return e;
}

static void test_near_f32(void **state) {
    (void)state;
    for (int i = 0; i < MIXTURES; i++) {
        subject exact, mixed;
        open_subject(&exact, mixtures[i].ff, 1);
        open_subject(&mixed, mixtures[i].ff, 1);
        run_subject(&exact, TYPE_REAL);
        run_subject(&mixed, TYPE_BF16);
        error e = errors_of(&exact, &mixed);
        double off = fabs(exact.loss - mixed.loss) / exact.loss;
        print_message("%-12s off by %.2g (loss), %.2g (gradients), %.2g (%s)\n", mixtures[i].name, off,
            e.gradient, e.tensor, e.name);
        const bound *most = i < CHOOSING_FROM ? &smooth : &choosing;
        assert_true(off > 0 && off < most->loss); // and it did round
        assert_true(e.gradient < most->gradient);
        assert_true(e.tensor < most->tensor);
        close_subject(&exact);
        close_subject(&mixed);
    }
}

static void test_same_bits_at_any_thread_count(void **state) {
    (void)state;
    for (int i = 0; i < MIXTURES; i++) {
        subject one;
        open_subject(&one, mixtures[i].ff, 1);
        run_subject(&one, TYPE_BF16);
        for (int count = 2; count <= 3; count++) {
            subject more;
            open_subject(&more, mixtures[i].ff, count);
            run_subject(&more, TYPE_BF16);
            assert_true(more.loss == one.loss && more.regularizer == one.regularizer);
            parameter_list *list = transformer_parameters(one.model);
            for (int p = 0; p < parameters_length(list); p++) {
                const parameter *a = parameters_at(list, p),
                                *b = parameters_at(transformer_parameters(more.model), p);
                if (a->trainable)
                    assert_memory_equal(a->gradient, b->gradient, (size_t)a->count * sizeof(real));
            }
            close_subject(&more);
        }
        close_subject(&one);
    }
}

// ---------------------------------------------------------------- runs

enum { STEPS = 6 };

static sigmoe_train_settings mixed_settings(int64_t steps) {
    sigmoe_train_settings settings = small_settings(steps);
    settings.dtype = SIGMOE_BF16;
    settings.checkpoint_every = STEPS / 2;
    return settings;
}

static void train(const char *run, const char *ff, sigmoe_recompute recompute) {
    sigmoe_config config = make_config(ff);
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .threads = 2};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.config = &config;
    request.data = in_root("data");
    request.out = run;
    request.settings = mixed_settings(STEPS);
    request.force = true;
    request.recompute = recompute;
    OK(sigmoe_train(&request, &observer, NULL));
}

static void test_recompute_has_the_same_bits(void **state) {
    (void)state;
    const char *const ffs[] = {DENSE, MOE, mixtures[8].ff};
    for (int i = 0; i < 3; i++) {
        train(in_root("kept"), ffs[i], SIGMOE_RECOMPUTE_NONE);
        train(in_root("ff"), ffs[i], SIGMOE_RECOMPUTE_FF);
        train(in_root("all"), ffs[i], SIGMOE_RECOMPUTE_ALL);
        assert_same_checkpoint(in_root("kept"), in_root("ff"), STEPS);
        assert_same_checkpoint(in_root("kept"), in_root("all"), STEPS);
    }
}

// A trainer that is loaded from a checkpoint rounds what it has loaded, and goes on as the one that wrote it.
static void test_resume_has_the_same_bits(void **state) {
    (void)state;
    trainer *whole, *rest;
    sigmoe_config config = make_config(MOE);
    sigmoe_train_settings settings = mixed_settings(STEPS);
    dataset data;
    OK(dataset_open(in_root("data"), &data));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    OK(trainer_create(&request, &whole));
    OK(trainer_begin_run(whole, in_root("resumed")));
    step_report report;
    for (int i = 0; i < STEPS / 2; i++) {
        OK(trainer_step(whole, &report));
        OK(run_log_step(&whole->log, &report)); // a resume demands a line of each step
    }
    OK(checkpoint_write(whole));
    OK(resume_trainer(in_root("resumed"), 2, &rest));
    assert_int_equal(trainer_settings(rest)->dtype, SIGMOE_BF16);
    for (int i = STEPS / 2; i < STEPS; i++) {
        step_report other;
        OK(trainer_step(whole, &report));
        OK(trainer_step(rest, &other));
        assert_true(report.loss == other.loss && report.gradient_norm == other.gradient_norm);
    }
    trainer_destroy(whole);
    trainer_destroy(rest);
}

// Weights that Adam moves by less than bf16 can tell must not stand still: the ones that are kept are f32.
static void test_small_updates_are_not_lost(void **state) {
    (void)state;
    sigmoe_config config = make_config(DENSE);
    sigmoe_train_settings settings = mixed_settings(100);
    settings.lr = 1e-6;
    settings.warmup = 0;
    dataset data;
    OK(dataset_open(in_root("data"), &data));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    trainer *t;
    step_report report;
    OK(trainer_create(&request, &t));
    const parameter *p = parameters_find(transformer_parameters(trainer_model(t)), "layers.0.ff.up.weight");
    real before[256];
    assert_true(p->count <= 256);
    memcpy(before, p->value, (size_t)p->count * sizeof(real));
    for (int i = 0; i < 5; i++) OK(trainer_step(t, &report));
    int moved = 0, told = 0;
    for (int64_t i = 0; i < p->count; i++) {
        moved += p->value[i] != before[i];
        told += p->value[i] != (real)bf16_value(p->rounded[i]);
        assert_int_equal(
            p->rounded[i], bf16_of((float)p->value[i])); // and what products see is their rounding
    }
    assert_true(moved > p->count / 2 && told > p->count / 2);
    trainer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_f32),
        cmocka_unit_test(test_same_bits_at_any_thread_count),
        cmocka_unit_test(test_recompute_has_the_same_bits),
        cmocka_unit_test(test_resume_has_the_same_bits),
        cmocka_unit_test(test_small_updates_are_not_lost),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
