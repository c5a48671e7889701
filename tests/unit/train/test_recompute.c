// What the backward computes again has the bits of what it could have kept: runs differ in nothing but time and memory.
#include "train/fixture.h"

enum { STEPS = 3 };

static void train(const char *run, const sigmoe_config *config, sigmoe_recompute recompute) {
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .threads = 2};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.config = config;
    request.data = in_root("data");
    request.out = run;
    request.settings = small_settings(STEPS);
    request.force = true;
    request.recompute = recompute;
    OK(sigmoe_train(&request, &observer, NULL));
}

// Every "reg" of the log, one behind the other.
static char *regularizers(const char *run) {
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/metrics.jsonl", run));
    char *text = read_text(path), *out = text;
    for (char *in = strstr(text, "\"reg\":"); in; in = strstr(in + 1, "\"reg\":")) {
        size_t length = strcspn(in, ",}");
        memmove(out, in, length);
        out += length;
    }
    *out = '\0';
    assert_true(out > text);
    return text;
}

static void check(const char *ff) {
    static const struct {
        sigmoe_recompute what;
        const char *run;
    } runs[] = {{SIGMOE_RECOMPUTE_FF, "again-ff"}, {SIGMOE_RECOMPUTE_ALL, "again-all"}};
    sigmoe_config config = make_config(ff);
    config.model.memory_train = 2;
    train(in_root("kept"), &config, SIGMOE_RECOMPUTE_NONE);
    for (int i = 0; i < 2; i++) {
        train(in_root(runs[i].run), &config, runs[i].what);
        assert_same_checkpoint(in_root("kept"), in_root(runs[i].run), STEPS);
        char *once = regularizers(in_root("kept")), *twice = regularizers(in_root(runs[i].run));
        assert_string_equal(once, twice);
        free(once);
        free(twice);
    }
}

static void test_same_bits(void **state) {
    (void)state;
    check(DENSE);
    check(MOE);
    check(HASH);
    check("{\"type\": \"topk\", \"d_ff\": 12, \"k\": 3}");
    check("{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 4, \"knn\": 3, \"activation\": \"relu\"}");
    check("{\"type\": \"moe\", \"n_experts\": 4, \"expert_size\": 3, \"k\": 2, \"router\": \"noisy_topk\", "
          "\"dropout\": 0.1, \"regularizer\": \"cv\", \"regularizer_weight\": 0.01}");
}

static double peak_bytes(const sigmoe_config *config, sigmoe_recompute recompute) {
    sigmoe_train_settings settings = small_settings(100);
    trainer_request request = {.config = config, .settings = &settings, .threads = 1};
    int32_t tokens[BATCH * UNROLL] = {0};
    step_report report;
    trainer *t;
    OK(trainer_create(&request, &t));
    trainer_recompute(t, recompute);
    OK(trainer_step_on(t, tokens, tokens, true, &report));
    double bytes = (double)arena_peak_bytes(trainer_activations(t));
    trainer_destroy(t);
    return bytes;
}

static void test_less_is_kept(void **state) {
    (void)state;
    sigmoe_config config = make_config(MOE);
    config.model.n_layers = 12;
    double none = peak_bytes(&config, SIGMOE_RECOMPUTE_NONE), ff = peak_bytes(&config, SIGMOE_RECOMPUTE_FF),
           all = peak_bytes(&config, SIGMOE_RECOMPUTE_ALL);
    assert_true(ff < 0.8 * none);
    assert_true(all < 0.4 * ff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_less_is_kept),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
