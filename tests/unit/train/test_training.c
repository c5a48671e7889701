// Steps, scores, and models on disk.
#include "train/validate.h"
#include "train/loop.h"
#include "train/evaluate.h"
#include "train/fixture.h"

static dataset open_data(void) {
    dataset data;
    OK(dataset_open(in_root("data"), &data));
    return data;
}

static trainer *make_trainer(const char *ff, const sigmoe_train_settings *settings, int thread_count) {
    sigmoe_config config = make_config(ff);
    dataset data = open_data();
    trainer_request request = {
        .config = &config, .data = &data, .settings = settings, .threads = thread_count};
    trainer *t = NULL;
    OK(trainer_create(&request, &t));
    return t;
}

// ---------------------------------------------------------------- steps

static void test_training_lowers_the_loss(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(300);
    trainer *t = make_trainer(MOE, &settings, 1);
    step_report first, last;
    OK(trainer_step(t, &first));
    for (int i = 1; i < 300; i++) OK(trainer_step(t, &last));
    assert_int_equal(first.step, 0);
    assert_int_equal(last.step, 299);
    assert_near(first.loss, log(VOCABULARY), 0.8);
    assert_true(last.loss < first.loss - 0.5); // 60 tokens are learnt by heart
    assert_true(first.regularizer < 0);        // γ · Σ p log p
    assert_true(trainer_costs_so_far(t)->peak_activation_bytes > 0);
    assert_int_equal(trainer_costs_so_far(t)->steps, 300);
    trainer_destroy(t);
}

// One step by hand: Adam's first update is lr · g/(|g| + ε'), whatever the clip, and the norm is that before it.
static void test_first_update(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(10), clipped = settings;
    settings.clip = 0;
    clipped.clip = 1e-3;
    settings.warmup = clipped.warmup = 0;
    trainer *a = make_trainer(DENSE, &settings, 1), *b = make_trainer(DENSE, &clipped, 1);
    trainer *before = make_trainer(DENSE, &settings, 1);
    step_report x, y;
    OK(trainer_step(a, &x));
    OK(trainer_step(b, &y));
    assert_near(x.gradient_norm, y.gradient_norm, 0);
    assert_true(x.gradient_norm > clipped.clip);
    double sum = 0;
    const parameter_list *now = transformer_parameters(trainer_model(a));
    const parameter_list *cut = transformer_parameters(trainer_model(b));
    const parameter_list *then = transformer_parameters(trainer_model(before));
    for (int i = 0; i < parameters_length(now); i++) {
        const parameter *p = parameters_at(now, i), *c = parameters_at(cut, i), *q = parameters_at(then, i);
        for (int64_t k = 0; k < p->count; k++) {
            double g = p->gradient[k];
            sum += g * g;
            assert_near(q->value[k] - p->value[k], settings.lr * g / (fabs(g) + 1e-8), 2e-6);
            assert_near(c->moment1[k], 0.1 * g * clipped.clip / (x.gradient_norm + 1e-6), 1e-8);
        }
    }
    assert_near(x.gradient_norm, sqrt(sum), 1e-5 * sqrt(sum));
    trainer_destroy(a);
    trainer_destroy(b);
    trainer_destroy(before);
}

static void test_threads_do_not_matter(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(10);
    trainer *a = make_trainer(MOE, &settings, 1), *b = make_trainer(MOE, &settings, 3);
    step_report x, y;
    for (int i = 0; i < 10; i++) {
        OK(trainer_step(a, &x));
        OK(trainer_step(b, &y));
        assert_near(x.loss, y.loss, 0);
    }
    const parameter_list *p = transformer_parameters(trainer_model(a));
    const parameter_list *q = transformer_parameters(trainer_model(b));
    for (int i = 0; i < parameters_length(p); i++)
        assert_memory_equal(
            parameters_at(p, i)->value, parameters_at(q, i)->value, (size_t)parameters_at(p, i)->count * 4);
    trainer_destroy(a);
    trainer_destroy(b);
}

// With weights that stay and no dropout, an epoch repeats the one before: its memory starts empty, too.
static void test_epochs_begin_without_memory(void **state) {
    (void)state;
    enum { STEPS_PER_EPOCH = (TRAIN_TOKENS - 1) / BATCH / UNROLL };
    sigmoe_train_settings settings = small_settings(20);
    settings.lr = 0;
    sigmoe_config config = make_config(DENSE);
    OK(config_set(&config, "dropout", "0"));
    dataset data = open_data();
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    trainer *t;
    OK(trainer_create(&request, &t));
    step_report first[STEPS_PER_EPOCH], again;
    for (int i = 0; i < STEPS_PER_EPOCH; i++) OK(trainer_step(t, &first[i]));
    for (int i = 0; i < STEPS_PER_EPOCH; i++) {
        OK(trainer_step(t, &again));
        assert_near(again.loss, first[i].loss, 0);
    }
    trainer_destroy(t);
}

static void test_not_finite_stops(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(10);
    settings.lr = 1e6;
    settings.warmup = 0;
    settings.checkpoint_every = 1;
    trainer *t = make_trainer(DENSE, &settings, 1), *again;
    OK(trainer_begin_run(t, in_root("broken")));
    for (int i = 0; i < parameters_length(transformer_parameters(trainer_model(t))); i++) {
        parameter *p = parameters_at(transformer_parameters(trainer_model(t)), i);
        if (strcmp(p->name, "head.bias") == 0) p->value[0] = 3e38f, p->value[1] = -3e38f;
    }
    FAILS(SIGMOE_NOT_FINITE, trainer_run(t, "test", NULL, NULL));
    assert_message_has("step");
    assert_message_has("lower learning rate");
    int64_t steps = trainer_steps_done(t);
    trainer_destroy(t);
    char *metrics = read_text(in_root("broken/metrics.jsonl"));
    assert_non_null(strstr(metrics, "null"));
    free(metrics);
    if (steps == 0) return;
    OK(resume_trainer(in_root("broken"), 1, &again)); // the checkpoint before it is whole
    trainer_destroy(again);
}

// Another process writes the data anew while they are trained on.
static void test_data_that_change(void **state) {
    (void)state;
    dataset data;
    step_report report;
    trainer *t;
    sigmoe_config config = make_config(MOE);
    sigmoe_train_settings settings = small_settings(20);
    OK(directory_make(in_root("changing")));
    write_split(in_root("changing"), "train", TRAIN_TOKENS, 1);
    write_split(in_root("changing"), "valid", VALID_TOKENS, 2);
    write_text(in_root("changing/meta.json"), "{\"vocab_size\": 11, \"tokenizer\": {\"type\": \"none\"}}");
    OK(dataset_open(in_root("changing"), &data));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    OK(trainer_create(&request, &t));
    OK(trainer_step(t, &report));
    FILE *shard = fopen(in_root("changing/train.bin"), "r+b");
    assert_non_null(shard);
    assert_int_equal(fseek(shard, 1024, SEEK_SET), 0);
    for (int i = 0; i < 2 * TRAIN_TOKENS; i++) assert_int_equal(fputc(0xff, shard), 0xff);
    assert_int_equal(fclose(shard), 0);
    FAILS(SIGMOE_BAD_FORMAT, trainer_step(t, &report));
    assert_message_has("changing/train.bin: token");
    assert_int_equal(truncate(in_root("changing/train.bin"), 0), 0);
    FAILS(SIGMOE_BAD_FORMAT, trainer_step(t, &report));
    assert_message_has("changing/train.bin ends at byte");
    sigmoe_scores scores;
    OK(trainer_score(t, "valid", 2, 0, NULL, &scores));
    assert_int_equal(truncate(in_root("changing/valid.bin"), 0), 0);
    FAILS(SIGMOE_BAD_FORMAT, trainer_score(t, "valid", 2, 0, NULL, &scores));
    assert_message_has("changing/valid.bin ends at byte");
    trainer_destroy(t);
}

// ---------------------------------------------------------------- scores

// The model's logits over whole streams, one after the other, through the public handle.
static double plain_score(const char *model_directory, int64_t batch, int64_t tokens) {
    sigmoe_model *model;
    token_split *split;
    OK(sigmoe_model_load(model_directory, 1, &model));
    OK(token_split_open(in_root("data"), "valid", VOCABULARY, NULL, &split));
    int64_t length = (tokens - 1) / batch;
    double total = 0;
    for (int64_t b = 0; b < batch; b++) {
        int32_t ids[VALID_TOKENS];
        float logits[VALID_TOKENS * VOCABULARY];
        OK(token_split_copy(split, b * length, length + 1, ids));
        sigmoe_model_reset(model);
        OK(sigmoe_model_logits(model, ids, 1, length, logits));
        for (int64_t i = 0; i < length; i++) {
            double sum = 0;
            for (int v = 0; v < VOCABULARY; v++) sum += exp(logits[i * VOCABULARY + v]);
            total += log(sum) - logits[i * VOCABULARY + ids[i + 1]];
        }
    }
    token_split_close(split);
    sigmoe_model_free(model);
    return total / (double)(batch * length);
}

static void test_evaluation_against_a_plain_loop(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(30);
    trainer *t = make_trainer(MOE, &settings, 1);
    OK(trainer_run(t, "test", NULL, NULL));
    OK(model_save(in_root("scored"), trainer_config(t), trainer_model(t)));
    const int64_t batches[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) {
        sigmoe_eval_request request;
        sigmoe_scores scores, inside;
        sigmoe_eval_defaults(&request);
        request.model = in_root("scored");
        request.data = in_root("data");
        request.split = "valid";
        request.batch = batches[i];
        OK(sigmoe_evaluate(&request, NULL, &scores));
        assert_int_equal(scores.tokens, (VALID_TOKENS - 1) / batches[i] * batches[i]);
        assert_near(scores.nats_per_token, plain_score(in_root("scored"), batches[i], VALID_TOKENS), 1e-5);
        OK(trainer_score(t, "valid", batches[i], 0, NULL, &inside));
        assert_near(inside.nats_per_token, scores.nats_per_token, 0);
    }
    sigmoe_scores part;
    OK(trainer_score(t, "valid", 2, 21, NULL, &part));
    assert_int_equal(part.tokens, 20);
    assert_near(part.nats_per_token, plain_score(in_root("scored"), 2, 22), 1e-5);
    trainer_destroy(t);
}

static void test_scores_of_raw_sizes(void **state) {
    (void)state;
    // 40 tokens of log 2 nats: 40 bits over 80 bytes, 60 characters, 10 words.
    split_sizes sizes = {.tokens = 40, .bytes = 80, .chars = 60, .words = 10};
    sigmoe_scores s = scores_of(log(2), 39, &sizes);
    assert_int_equal(s.tokens, 39);
    assert_near(s.perplexity, 2, 1e-12);
    assert_near(s.bits_per_token, 1, 1e-12);
    assert_near(s.bits_per_byte, 0.5, 1e-12);
    assert_near(s.bits_per_char, 40.0 / 60, 1e-12);
    assert_near(s.word_perplexity, 16, 1e-9);
    split_sizes unknown = {.tokens = 40, .bytes = -1, .chars = -1, .words = -1};
    s = scores_of(log(2), 39, &unknown);
    assert_true(isnan(s.bits_per_byte) && isnan(s.bits_per_char) && isnan(s.word_perplexity));
}

static void test_scoring_does_not_disturb(void **state) {
    (void)state;
    sigmoe_train_settings settings = small_settings(6);
    trainer *a = make_trainer(MOE, &settings, 1), *b = make_trainer(MOE, &settings, 1);
    step_report x, y;
    sigmoe_scores scores;
    for (int i = 0; i < 6; i++) {
        OK(trainer_step(a, &x));
        OK(trainer_step(b, &y));
        OK(trainer_score(b, "test", 4, 0, NULL, &scores));
        assert_near(x.loss, y.loss, 0);
    }
    trainer_destroy(a);
    trainer_destroy(b);
}

static void test_evaluation_refuses(void **state) {
    (void)state;
    sigmoe_eval_request request;
    sigmoe_scores scores;
    sigmoe_config config = make_config(DENSE);
    sigmoe_model *model;
    OK(config_set(&config, "vocab_size", "12"));
    OK(sigmoe_model_create(&config, 1, 1, &model));
    OK(sigmoe_model_save(model, in_root("twelve")));
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_model_save(model, in_root("twelve")));
    OK(directory_make(in_root("own.partial/work"))); // somebody's own directory
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_model_save(model, in_root("own")));
    assert_true(path_exists(in_root("own.partial/work")));
    sigmoe_model_free(model);
    sigmoe_eval_defaults(&request);
    request.model = in_root("twelve");
    request.data = in_root("data");
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&request, NULL, &scores));
    assert_message_has("vocabulary of 12");
    request.split = "tset";
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&request, NULL, &scores));
    assert_message_has("tset");
    request.split = "test";
    request.model = in_root("data");
    FAILS(SIGMOE_IO, sigmoe_evaluate(&request, NULL, &scores));
}

// ---------------------------------------------------------------- models

static void test_model_round_trip(void **state) {
    (void)state;
    const char *const kinds[] = {DENSE, MOE, HASH};
    const int32_t tokens[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1};
    for (int i = 0; i < 3; i++) {
        sigmoe_config config = make_config(kinds[i]);
        sigmoe_model *model, *again;
        float whole[12 * VOCABULARY], pieces[12 * VOCABULARY];
        OK(sigmoe_model_create(&config, 3, 1, &model));
        OK(sigmoe_model_save(model, in_root("saved/")));
        OK(sigmoe_model_load(in_root("saved"), 2, &again));
        OK(sigmoe_model_save(again, in_root("saved-again")));
        assert_same_file(in_root("saved/model.safetensors"), in_root("saved-again/model.safetensors"));
        assert_same_file(in_root("saved/config.json"), in_root("saved-again/config.json"));
        OK(sigmoe_model_logits(model, tokens, 1, 12, whole));
        // Memory is carried from call to call: whole segments give the same numbers.
        for (int k = 0; k < 3; k++)
            OK(sigmoe_model_logits(again, tokens + k * UNROLL, 1, UNROLL, pieces + k * UNROLL * VOCABULARY));
        assert_memory_equal(whole, pieces, sizeof whole);
        FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_model_logits(model, tokens, 2, 6, whole));
        sigmoe_model_reset(model);
        OK(sigmoe_model_logits(model, tokens, 2, 6, whole));
        const int32_t wrong[1] = {VOCABULARY};
        sigmoe_model_reset(model);
        FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_model_logits(model, wrong, 1, 1, whole));
        assert_message_has("11");
        sigmoe_model_free(model);
        sigmoe_model_free(again);
        OK(directory_remove(in_root("saved")));
        OK(directory_remove(in_root("saved-again")));
    }
}

// Saves a hash model whose tensors `damage` has changed, and expects the load to fail with `named`.
static void expect_damage(void (*damage)(parameter_list *), sigmoe_status status, const char *named) {
    sigmoe_config config = make_config(HASH);
    transformer *model;
    sigmoe_model *loaded;
    workspace work;
    OK(workspace_open(1, &work));
    OK(transformer_create(&config.model, STORE_VALUES, &model));
    parameters_initialize(&work.kernel, transformer_parameters(model), 1);
    damage(transformer_parameters(model));
    OK(model_save(in_root("hurt"), &config, model));
    FAILS(status, sigmoe_model_load(in_root("hurt"), 1, &loaded));
    assert_message_has("model.safetensors");
    assert_message_has(named);
    transformer_destroy(model);
    workspace_close(&work);
    OK(directory_remove(in_root("hurt")));
}

static void damage_nan(parameter_list *list) {
    parameters_find(list, "layers.1.attn.q.weight")->value[3] = NAN;
}
static void damage_range(parameter_list *list) {
    parameters_find(list, "layers.0.ff.router.table")->table[5] = 4;
}
static void damage_negative(parameter_list *list) {
    parameters_find(list, "layers.0.ff.router.table")->table[5] = -1;
}
static void damage_twice(parameter_list *list) {
    int32_t *table = parameters_find(list, "layers.1.ff.router.table")->table;
    table[3] = table[2];
}
static void damage_name(parameter_list *list) {
    ((char *)parameters_find(list, "head.bias")->name)[0] = 'l'; // as if the file had "lead.bias"
}
static void damage_shape(parameter_list *list) {
    parameter *p = parameters_find(list, "head.weight");
    p->shape[0]--;
    p->count -= p->shape[1];
}

static void test_damaged_models_are_refused(void **state) {
    (void)state;
    expect_damage(damage_nan, SIGMOE_NOT_FINITE, "layers.1.attn.q.weight");
    expect_damage(damage_range, SIGMOE_BAD_FORMAT, "layers.0.ff.router.table");
    expect_damage(damage_negative, SIGMOE_BAD_FORMAT, "layers.0.ff.router.table");
    expect_damage(damage_twice, SIGMOE_BAD_FORMAT, "layers.1.ff.router.table");
    expect_damage(damage_name, SIGMOE_BAD_FORMAT, "head.bias");
    expect_damage(damage_shape, SIGMOE_BAD_FORMAT, "head.weight");
}

static void test_unknown_tensor_is_refused(void **state) {
    (void)state;
    sigmoe_config dense = make_config(DENSE),
                  other = make_config("{\"type\": \"topk\", \"d_ff\": 12, \"k\": 3}");
    sigmoe_model *model;
    OK(sigmoe_model_create(&dense, 3, 1, &model));
    OK(sigmoe_model_save(model, in_root("like")));
    sigmoe_model_free(model);
    OK(directory_remove(in_root("like/manifest.json")));
    OK(config_write(in_root("like/config.json"), &other)); // the same tensors
    OK(sigmoe_model_load(in_root("like"), 1, &model));
    sigmoe_model_free(model);
    OK(config_set(&other, "n_layers", "1"));
    OK(config_write(in_root("like/config.json"), &other));
    FAILS(SIGMOE_BAD_FORMAT, sigmoe_model_load(in_root("like"), 1, &model));
    assert_message_has("layers.1.");
}

// ---------------------------------------------------------------- requests

static void test_requests_are_checked(void **state) {
    (void)state;
    sigmoe_config config = make_config(DENSE);
    sigmoe_train_request request;
    sigmoe_train_result result;
    sigmoe_train_defaults(&request);
    request.data = in_root("data");
    request.out = in_root("run");
    request.settings = small_settings(1);
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_train(&request, NULL, &result)); // neither model nor configuration
    request.config = &config;
    request.settings.batch = 0;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_train(&request, NULL, &result));
    request.settings.batch = 100;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_train(&request, NULL, &result));
    assert_message_has("batch");
    assert_false(path_exists(in_root("run")));
    request.settings.batch = BATCH;
    request.out = root; // holds the data
    request.force = true;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_train(&request, NULL, &result));
    assert_true(path_exists(in_root("data/train.bin")));
    request.out = in_root("run");
    OK(sigmoe_train(&request, NULL, &result));
    assert_int_equal(result.steps, 1);
    assert_true(path_exists(result.checkpoint));
    char *first = result.checkpoint;
    request.force = false;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_train(&request, NULL, &result));
    assert_null(result.checkpoint);
    assert_message_has("exists");

    const char *overrides[] = {"dropout=0", "memory_segments.train=0"};
    sigmoe_train_request further = request;
    further.config = NULL;
    further.init = in_root("run"); // its newest checkpoint
    further.overrides = overrides;
    further.override_count = 2;
    further.out = in_root("further");
    further.unroll = 5;
    OK(sigmoe_train(&further, NULL, &result));
    assert_string_equal(result.checkpoint, in_root("further/checkpoints/00000001"));
    assert_string_equal(first, in_root("run/checkpoints/00000001")); // what was given out stays
    sigmoe_free(first);
    sigmoe_free(result.checkpoint);
    sigmoe_config trained;
    OK(config_read(in_root("further/checkpoints/00000001/config.json"), &trained));
    assert_near(trained.model.dropout, 0, 0);
    assert_int_equal(trained.model.memory_train, 0);
    assert_int_equal(trained.model.unroll, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_lowers_the_loss),
        cmocka_unit_test(test_first_update),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_epochs_begin_without_memory),
        cmocka_unit_test(test_not_finite_stops),
        cmocka_unit_test(test_data_that_change),
        cmocka_unit_test(test_evaluation_against_a_plain_loop),
        cmocka_unit_test(test_scores_of_raw_sizes),
        cmocka_unit_test(test_scoring_does_not_disturb),
        cmocka_unit_test(test_evaluation_refuses),
        cmocka_unit_test(test_model_round_trip),
        cmocka_unit_test(test_damaged_models_are_refused),
        cmocka_unit_test(test_unknown_tensor_is_refused),
        cmocka_unit_test(test_requests_are_checked),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
