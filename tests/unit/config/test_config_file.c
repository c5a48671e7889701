// config.json <-> struct, keys by path, and what is told about mistakes.
#include "model/feedforward/router_names.h"
#include "paper/presets.h"
#include "config/config_keys.h"
#include "train/fixture.h"

#include <pthread.h>

static void expect_refused(const char *text, const char *first, const char *second) {
    sigmoe_config config;
    write_text(in_root("bad.json"), text);
    FAILS(SIGMOE_BAD_FORMAT, config_read(in_root("bad.json"), &config));
    assert_message_has("bad.json");
    assert_message_has(first);
    assert_message_has(second);
}

// The valid configuration with `from` replaced by `to`.
static void expect_refused_with(const char *from, const char *to, const char *first, const char *second) {
    char changed[2048];
    const char *text = config_text(MOE), *place = strstr(text, from);
    assert_non_null(place);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
    expect_refused(changed, first, second);
}

static void test_mistakes_are_named(void **state) {
    (void)state;
    expect_refused_with("\"d_model\"", "\"d_modl\"", "d_modl", "d_model");
    expect_refused_with("\"expert_size\"", "\"expertsize\"", "ff.expertsize", "ff.expert_size");
    expect_refused_with("\"eval\"", "\"evel\"", "memory_segments.evel", "memory_segments.eval");
    expect_refused_with("\"moe\"", "\"mow\"", "mow", "moe");
    expect_refused_with("\"type\": \"moe\", ", "", "ff.type", "missing");
    expect_refused_with("\"type\": \"moe\"", "\"type\": 3", "ff.type", "string");
    expect_refused_with("\"sigmoid\"", "\"sigmoidal\"", "ff.router", "sigmoid");
    expect_refused_with("\"k\": 2", "\"k\": 5", "ff.k", "");
    expect_refused_with("\"k\": 2", "\"k\": \"2\"", "ff.k", "integer");
    expect_refused_with("\"n_heads\": 2, ", "", "n_heads", "missing");
    expect_refused_with("\"sigmoe\"", "\"gpt\"", "model_type", "sigmoe");
    expect_refused_with("\"version\": 1", "\"version\": 2", "version", "2");
    expect_refused_with("\"unroll\": 4", "\"unroll\": 0", "unroll", "");
    expect_refused_with("{\"type\": \"none\"}", "{\"type\": \"bytes\", \"alphabet\": [10, 32]}",
        "\"vocab_size\" is ", "but the alphabet has 2 bytes");
    expect_refused_with("{\"train\": 1, \"eval\": 2}", "3", "memory_segments", "object");
    expect_refused("[]", "object", "");
    expect_refused("{\"model_type\":", "line", "");
}

// Keys that the Hugging Face libraries write beside ours, and no others, are left alone.
static void test_foreign_keys_are_ignored(void **state) {
    (void)state;
    static const char *const foreign[] = {
        "auto_map", "architectures", "dtype", "torch_dtype", "transformers_version"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        char text[4096];
        sigmoe_config config;
        snprintf(text, sizeof text, "{\"%s\": [1], %s", foreign[i], config_text(MOE) + 1);
        write_text(in_root("foreign.json"), text);
        OK(config_read(in_root("foreign.json"), &config));
    }
    expect_refused_with(
        "\"vocab_size\"", "\"_name_or_path\": 1, \"vocab_size\"", "unknown key \"_name_or_path\"", "");
}

static void test_round_trip(void **state) {
    (void)state;
    const char *const kinds[] = {DENSE, MOE, HASH, "{\"type\": \"topk\", \"d_ff\": 12, \"k\": 3}",
        "{\"type\": \"pkm\", \"n_subkeys\": 3, \"activation\": \"relu\"}"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        sigmoe_config config = make_config(kinds[i]), again;
        OK(config_write(in_root("one.json"), &config));
        OK(config_read(in_root("one.json"), &again));
        OK(config_write(in_root("two.json"), &again));
        assert_same_file(in_root("one.json"), in_root("two.json"));
        assert_memory_equal(&config.model.ff, &again.model.ff, sizeof config.model.ff);
    }
}

// The configuration that the library loads under a name is the one in the list, to the last value.
static void expect_listed(const sigmoe_config *loaded, const preset *listed) {
    sigmoe_config expected = {.model = listed->config};
    json_t *got, *wanted;
    OK(config_to_json(loaded, &got));
    OK(config_to_json(&expected, &wanted));
    assert_true(json_equal(got, wanted));
    json_decref(got);
    json_decref(wanted);
    const sigmoe_train_settings *a = &loaded->settings, *b = &listed->settings;
    assert_true(a->batch == b->batch && a->steps == b->steps && a->warmup == b->warmup);
    assert_true(a->lr == b->lr && a->clip == b->clip && a->weight_decay == b->weight_decay);
}

static void expect_survives_its_file(sigmoe_config *config) {
    sigmoe_config *again;
    const char *text, *text_again;
    OK(sigmoe_config_json(config, &text));
    write_text(in_root("preset.json"), text);
    OK(sigmoe_config_from_file(in_root("preset.json"), &again));
    OK(sigmoe_config_json(again, &text_again));
    assert_string_equal(text, text_again);
    sigmoe_config_free(again);
}

// All of them, by the pointers of the list: what it gives out stays what it is, whatever is asked in between.
static void test_presets_are_loaded_by_their_names(void **state) {
    (void)state;
    enum { MOST = 1000 };
    static sigmoe_preset about[MOST];
    int count = sigmoe_preset_count();
    assert_true(count > 100 && count <= MOST);
    for (int i = 0; i < count; i++) OK(sigmoe_preset_at(i, &about[i]));
    for (int i = count - 1; i >= 0; i--) {
        sigmoe_config *config;
        sigmoe_preset again;
        preset listed;
        OK(sigmoe_config_from_preset(about[i].name, &config));
        OK(sigmoe_preset_at(i, &again));
        assert_ptr_equal(again.name, about[i].name);
        assert_ptr_equal(again.summary, about[i].summary);
        OK(preset_at(i, &listed));
        assert_string_equal(listed.about.name, about[i].name);
        expect_listed(config, &listed);
        expect_survives_its_file(config);
        sigmoe_config_free(config);
    }
}

static void *list_all(void *unused) {
    (void)unused;
    sigmoe_preset p;
    sigmoe_option o;
    sigmoe_sweep_table table;
    for (int i = 0; i < sigmoe_preset_count(); i++)
        if (sigmoe_preset_at(i, &p) != SIGMOE_OK || strlen(p.name) == 0) return "a preset";
    for (int i = 0; sigmoe_option_at(i, &o); i++)
        if (strlen(o.key) == 0) return "an option";
    for (int i = 0; sigmoe_sweep_table_at(i, &table); i++)
        if (strlen(table.name) == 0) return "a table";
    return NULL;
}

// Whoever asks first makes the lists, and others may ask meanwhile. Runs before all else, while there is none yet.
static void test_lists_are_made_once(void **state) {
    (void)state;
    enum { THREADS = 8 };
    pthread_t askers[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&askers[i], NULL, list_all, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(askers[i], &wrong), 0);
        assert_null(wrong);
    }
}

// As of presets: the pointers of one call are not what the next call writes over.
static void test_listed_strings_stay(void **state) {
    (void)state;
    sigmoe_option first, second, again;
    assert_true(sigmoe_option_at(0, &first) && sigmoe_option_at(1, &second) && sigmoe_option_at(0, &again));
    assert_string_equal(first.key, "vocab_size");
    assert_true(strcmp(first.key, second.key) != 0);
    assert_ptr_equal(first.key, again.key);
    assert_ptr_equal(first.values, again.values);
    assert_ptr_equal(first.preset, again.preset);
    sigmoe_sweep_table one, two;
    assert_true(sigmoe_sweep_table_at(0, &one) && sigmoe_sweep_table_at(1, &two));
    assert_string_equal(one.name, "tab1-wt-s");
    assert_string_equal(two.name, "tab1-wt-b");
}

// What a configuration owns is valid until it changes; a change that is refused is none.
static void test_text_as_from_a_file(void **state) {
    (void)state;
    sigmoe_config *from_text, *from_file;
    const char *text = config_text(MOE), *first, *second;
    char changed[2048];
    write_text(in_root("same.json"), text);
    OK(sigmoe_config_from_json(text, &from_text));
    OK(sigmoe_config_from_file(in_root("same.json"), &from_file));
    OK(sigmoe_config_json(from_text, &first));
    OK(sigmoe_config_json(from_file, &second));
    assert_string_equal(first, second);
    sigmoe_config_free(from_text);
    sigmoe_config_free(from_file);
    FAILS(SIGMOE_BAD_FORMAT, sigmoe_config_from_json("{\"d_model\": ", &from_text));
    assert_message_has("the configuration");
    snprintf(changed, sizeof changed, "%s", text);
    memcpy(strstr(changed, "d_model"), "d_modul", 7);
    FAILS(SIGMOE_BAD_FORMAT, sigmoe_config_from_json(changed, &from_text));
    assert_message_has("the configuration: ");
    assert_message_has("d_modul");
}

static void test_a_configuration_from_nothing(void **state) {
    (void)state;
    sigmoe_config *config, *again;
    const char *json, *after;
    OK(sigmoe_config_create(&config));
    OK(sigmoe_config_json(config, &json)); // incomplete, but it can be shown
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_config_check(config));
    assert_message_has("d_model");
    OK(sigmoe_config_set(config, "d_model", "8"));
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_config_check(config));
    assert_message_has("ff.d_ff");
    OK(sigmoe_config_set(config, "ff.d_ff", "12"));
    OK(sigmoe_config_check(config));
    assert_int_equal(config->model.memory_eval, 4); // a default
    OK(sigmoe_config_json(config, &json));
    OK(sigmoe_config_from_json(json, &again));
    OK(sigmoe_config_json(again, &after));
    assert_string_equal(json, after);
    sigmoe_config_free(config);
    sigmoe_config_free(again);
}

static void test_refused_changes_keep_the_texts(void **state) {
    (void)state;
    sigmoe_config *config;
    sigmoe_tensor_info tensor, again;
    const char *json, *json_again;
    OK(sigmoe_config_from_preset("demo", &config));
    OK(sigmoe_config_json(config, &json));
    assert_true(sigmoe_config_tensor(config, 0, &tensor));
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_config_set(config, "d_model", "many"));
    OK(sigmoe_config_json(config, &json_again));
    assert_ptr_equal(json, json_again);
    assert_true(sigmoe_config_tensor(config, 1, &again));
    assert_true(sigmoe_config_tensor(config, 0, &again));
    assert_ptr_equal(tensor.name, again.name);
    assert_ptr_equal(tensor.init, again.init);
    sigmoe_config_free(config);
}

static void test_set_by_path(void **state) {
    (void)state;
    sigmoe_config config = make_config(MOE);
    OK(config_set(&config, "d_model", "16"));
    OK(config_set(&config, "memory_segments.eval", "3"));
    OK(config_set(&config, "ff.k", "3"));
    OK(config_override(&config, "ff.router=softmax"));
    assert_int_equal(config.model.d_model, 16);
    assert_int_equal(config.model.memory_eval, 3);
    assert_int_equal(config.model.memory_train, 1);
    assert_int_equal(config.model.ff.moe.k, 3);
    assert_int_equal(config.model.ff.moe.router, moe_router_named("softmax"));
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "ff.kk", "3"));
    assert_message_has("\"ff.kk\"");
    assert_message_has("\"ff.k\"");
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "ff.d_ff", "3"));
    assert_message_has("\"ff.d_ff\" is a key of ff.type dense, and this model's ff.type is moe");
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "k", "3"));
    assert_message_has("did you mean \"ff.k\"?");
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "lr", "3"));
    assert_message_has("\"lr\" is no key of a model but a setting of its training");
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "hidden", "3"));
    assert_message_has("unknown key \"hidden\"; `sigmoe_option_at` lists them");
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "ff.k", "many"));
    assert_message_has("ff.k");
    FAILS(SIGMOE_BAD_ARGUMENT, config_override(&config, "ff.k"));
    FAILS(SIGMOE_BAD_ARGUMENT, config_override(&config, "=3"));
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "tokenizer", "none"));
}

static void test_another_type_needs_its_keys(void **state) {
    (void)state;
    sigmoe_config config = make_config(MOE);
    OK(config_set(&config, "ff.type", "moe")); // no change: the values stay
    assert_int_equal(config.model.ff.moe.n_experts, 4);
    OK(config_set(&config, "ff.type", "topk"));
    FAILS(SIGMOE_BAD_ARGUMENT, model_config_check(&config.model));
    assert_message_has("ff.");
    OK(config_set(&config, "ff.d_ff", "12"));
    OK(config_set(&config, "ff.k", "4"));
    OK(model_config_check(&config.model));
    assert_false(config.model.ff.topk.norm_compensation);
    FAILS(SIGMOE_BAD_ARGUMENT, config_set(&config, "ff.type", "top-k"));
    assert_message_has("topk");
}

// What help lists can be set, and each key is listed once.
static void test_options_are_keys(void **state) {
    (void)state;
    sigmoe_option shown;
    config_key key;
    int count = 0;
    for (; sigmoe_option_at(count, &shown); count++) {
        assert_true(config_key_at(count, &key));
        assert_true(strlen(shown.key) > 0 && strlen(shown.help) > 0 && strlen(shown.values) > 0);
        char path[CONFIG_KEY_SIZE];
        for (int other = 0; other < count; other++) {
            config_key earlier;
            assert_true(config_key_at(other, &earlier));
            config_key_path(&earlier, path);
            assert_true(strcmp(path, shown.key) != 0 || earlier.variant != key.variant);
        }
    }
    assert_true(count > 20);
    assert_false(config_key_at(count, &key));
    assert_false(config_key_at(-1, &key));
}

static void test_data_must_fit(void **state) {
    (void)state;
    dataset data = {.directory = "d", .vocab_size = 12};
    sigmoe_config config = make_config(DENSE);
    FAILS(SIGMOE_BAD_ARGUMENT, config_adopt_data(&config, &data));
    assert_message_has("11");
    assert_message_has("12");
    config.vocabulary_from_data = true; // as a preset's
    data.tokenizer = (tokenizer){.type = TOKENIZER_BYTES, .alphabet_size = 12};
    OK(config_adopt_data(&config, &data));
    assert_int_equal(config.model.vocab_size, 12);
    assert_int_equal(config.tokenizer.type, TOKENIZER_BYTES);
    data.tokenizer.alphabet[3] = 99;
    FAILS(SIGMOE_BAD_ARGUMENT, config_adopt_data(&config, &data));
    assert_message_has("tokenizer");
}

static void test_summary(void **state) {
    (void)state;
    sigmoe_config *config;
    sigmoe_summary summary;
    sigmoe_tensor_info tensor;
    int64_t total = 0, feedforward = 0;
    OK(sigmoe_config_from_preset("wt-s-moe", &config));
    OK(sigmoe_config_summary(config, 0, SIGMOE_RECOMPUTE_NONE, SIGMOE_F32, &summary));
    assert_int_equal(summary.parameters, 47260232);
    assert_near(summary.ff_flops_share, 0.25, 1e-12);
    assert_near(summary.parameter_bytes + summary.optimizer_bytes, 16.0 * 47260232, 0);
    for (int i = 0; sigmoe_config_tensor(config, i, &tensor); i++) {
        int64_t count = 1;
        for (int k = 0; k < tensor.dims; k++) count *= tensor.shape[k];
        total += count;
        if (strstr(tensor.name, ".ff.")) feedforward += count;
        assert_true(strlen(tensor.init) > 0);
    }
    assert_int_equal(total, summary.parameters);
    assert_int_equal(feedforward, summary.ff_parameters);
    sigmoe_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_are_made_once),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_foreign_keys_are_ignored),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_presets_are_loaded_by_their_names),
        cmocka_unit_test(test_listed_strings_stay),
        cmocka_unit_test(test_text_as_from_a_file),
        cmocka_unit_test(test_a_configuration_from_nothing),
        cmocka_unit_test(test_refused_changes_keep_the_texts),
        cmocka_unit_test(test_set_by_path),
        cmocka_unit_test(test_another_type_needs_its_keys),
        cmocka_unit_test(test_options_are_keys),
        cmocka_unit_test(test_data_must_fit),
        cmocka_unit_test(test_summary),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
