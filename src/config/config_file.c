#include "config/config_file.h"

#include "config/config_keys.h"
#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "model/feedforward/registry.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1 };

static sigmoe_status read_identity(const json_t *root) {
    const json_t *type = json_object_get(root, "model_type"), *version = json_object_get(root, "version");
    if (!json_is_string(type) || strcmp(json_string_value(type), "sigmoe") != 0)
        return fail(SIGMOE_BAD_FORMAT, "\"model_type\" must be \"sigmoe\"");
    if (!json_is_integer(version)) return fail(SIGMOE_BAD_FORMAT, "\"version\" must be an integer");
    if (json_integer_value(version) == FORMAT_VERSION) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "\"version\" is %lld; this program reads version %d",
        (long long)json_integer_value(version), FORMAT_VERSION);
}

static sigmoe_status unknown_variant(const char *name) {
    enum { MOST_VARIANTS = 32 };
    const char *names[MOST_VARIANTS];
    int count = 0;
    for (const ff_variant *v; count < MOST_VARIANTS && (v = ff_variant_at(count)); count++)
        names[count] = v->name;
    return fail(SIGMOE_BAD_FORMAT, "\"ff.type\" is \"%.80s\"%s", name,
        option_hint("", name, names, count, NULL).text);
}

static sigmoe_status read_feedforward(const json_t *ff, model_config *model) {
    static const char *const also[] = {"type", NULL};
    const json_t *type = json_object_get(ff, "type");
    if (!json_is_string(type))
        return fail(SIGMOE_BAD_FORMAT, "\"ff.type\" %s", type ? "must be a string" : "is missing");
    const char *name = json_string_value(type);
    model->variant = ff_variant_named(name);
    if (!model->variant) return unknown_variant(name);
    return json_read_options(ff, "ff.", model->variant->options, also, &model->ff);
}

static sigmoe_status read_root(const json_t *root, sigmoe_config *config) {
    static const char *const also[] = {"model_type", "version", "memory_segments", "tokenizer", "ff", NULL};
    json_t *memory, *text, *ff;
    TRY(read_identity(root));
    TRY(json_read_options(root, "", model_options(), also, &config->model));
    TRY(json_get_object(root, "", "memory_segments", &memory));
    TRY(json_read_options(memory, "memory_segments.", model_memory_options(), NULL, &config->model));
    TRY(json_get_object(root, "", "tokenizer", &text));
    TRY(tokenizer_from_json(text, "tokenizer", &config->tokenizer));
    TRY(tokenizer_check_size(&config->tokenizer, config->model.vocab_size));
    TRY(json_get_object(root, "", "ff", &ff));
    TRY(read_feedforward(ff, &config->model));
    return model_config_check(&config->model);
}

// The tokenizer's model is in the same directory as config.json.
static sigmoe_status find_tokenizer_model(const char *path, tokenizer *t) {
    char directory[PATH_CAPACITY];
    TRY(path_parent(path, directory));
    return tokenizer_find_model(t, directory);
}

// Removes keys that other programs add to ours.
static void remove_foreign(json_t *root) {
    static const char *const keys[] = {
        "auto_map", "architectures", "dtype", "torch_dtype", "transformers_version", NULL};
    for (const char *const *key = keys; *key; key++) json_object_del(root, *key);
}

sigmoe_status config_from_json(const json_t *root, sigmoe_config *config) {
    *config = (sigmoe_config){.settings = train_settings_default()};
    return read_root(root, config);
}

// Takes over `root`.
static sigmoe_status read_document(json_t *root, sigmoe_config *config) {
    remove_foreign(root);
    sigmoe_status status = config_from_json(root, config);
    json_decref(root);
    // An invalid value in a file is a bad format, even if the same value on a command line is a usage error.
    return status == SIGMOE_BAD_ARGUMENT ? SIGMOE_BAD_FORMAT : status;
}

sigmoe_status config_read(const char *path, sigmoe_config *config) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = read_document(root, config);
    if (status == SIGMOE_OK) status = find_tokenizer_model(path, &config->tokenizer);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

sigmoe_status config_parse(const char *text, sigmoe_config *config) {
    static const char *const called = "the configuration";
    json_t *root;
    TRY(json_parse_object(called, text, strlen(text), JSON_MOST_VALUES, &root));
    sigmoe_status status = read_document(root, config);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", called);
}

sigmoe_config config_default(void) {
    sigmoe_config config = {.settings = train_settings_default(),
        .model = {.vocab_size = 1,
            .n_layers = 1,
            .n_heads = 1,
            .d_head = 1,
            .unroll = 1,
            .variant = ff_variant_named("dense")}};
    option_defaults(model_memory_options(), &config.model);
    return config;
}

static sigmoe_status put_options(
    json_t *root, const char *key, json_t *object, option_table table, const void *values) {
    TRY(json_put(root, key, object));
    return json_write_options(object, table, values);
}

static sigmoe_status fill_root(json_t *root, const sigmoe_config *config) {
    const model_config *model = &config->model;
    json_t *text;
    TRY(json_put(root, "model_type", json_string("sigmoe")));
    TRY(json_put(root, "version", json_integer(FORMAT_VERSION)));
    TRY(json_write_options(root, model_options(), model));
    TRY(put_options(root, "memory_segments", json_object(), model_memory_options(), model));
    TRY(tokenizer_to_json(&config->tokenizer, &text));
    TRY(json_put(root, "tokenizer", text));
    json_t *ff = json_pack("{s:s}", "type", model->variant->name);
    return put_options(root, "ff", ff, model->variant->options, &model->ff);
}

sigmoe_status config_to_json(const sigmoe_config *config, json_t **out) {
    json_t *root = json_object();
    return json_hand_out(fill_root(root, config), root, out);
}

bool config_equal(const sigmoe_config *a, const sigmoe_config *b,
    void (*leave_out)(const sigmoe_config *config, json_t *object)) {
    json_t *first = NULL, *second = NULL;
    bool equal = config_to_json(a, &first) == SIGMOE_OK && config_to_json(b, &second) == SIGMOE_OK;
    if (equal) {
        leave_out(a, first);
        leave_out(b, second);
        equal = json_equal(first, second);
    }
    json_decref(first);
    json_decref(second);
    return equal;
}

sigmoe_status config_write(const char *path, const sigmoe_config *config) {
    json_t *root;
    TRY(config_to_json(config, &root));
    return json_save(SIGMOE_OK, path, root);
}

void config_forget_caches(sigmoe_config *config) {
    free(config->json);
    parameters_destroy(config->tensors);
    arena_destroy(config->tensor_texts);
    config->json = NULL;
    config->tensors = NULL;
    config->tensor_texts = NULL;
}

sigmoe_config config_copy(const sigmoe_config *config) {
    sigmoe_config copy = *config;
    copy.json = NULL;
    copy.tensors = NULL;
    copy.tensor_texts = NULL;
    copy.tensor_inits = NULL;
    return copy;
}

static sigmoe_status set_variant(model_config *model, const option *type, const char *value) {
    int index = 0;
    option at_zero = *type;
    at_zero.offset = 0;
    TRY(option_set_text(&at_zero, "ff.", value, &index));
    const ff_variant *variant = ff_variant_at(index);
    if (variant == model->variant) return SIGMOE_OK;
    model->variant = variant;
    memset(&model->ff, 0, sizeof model->ff);
    option_defaults(variant->options, &model->ff);
    return SIGMOE_OK;
}

sigmoe_status config_set(sigmoe_config *config, const char *path, const char *value) {
    model_config *model = &config->model;
    config_key key;
    for (int i = 0; config_key_at(i, &key); i++) {
        char known[CONFIG_KEY_SIZE];
        config_key_path(&key, known);
        if (strcmp(known, path) != 0 || (key.variant && key.variant != model->variant)) continue;
        if (config_key_is_variant(&key)) return set_variant(model, key.option, value);
        void *values = key.variant ? (void *)&model->ff : (void *)model;
        TRY(option_set_text(key.option, key.prefix, value, values));
        if (strcmp(path, "vocab_size") == 0) config->vocabulary_from_data = false;
        return SIGMOE_OK;
    }
    return config_key_unknown(path, model->variant);
}

sigmoe_status config_override(sigmoe_config *config, const char *assignment) {
    char key[CONFIG_KEY_SIZE];
    size_t length = strcspn(assignment, "=");
    if (assignment[length] == '\0' || length == 0 || length >= sizeof key)
        return fail(SIGMOE_BAD_ARGUMENT, "\"%.80s\" must read key=value, as in ff.k=4", assignment);
    memcpy(key, assignment, length);
    key[length] = '\0';
    return config_set(config, key, assignment + length + 1);
}

sigmoe_status config_agrees_with_data(const sigmoe_config *config, const dataset *data) {
    bool known = config->tokenizer.type != TOKENIZER_NONE && data->tokenizer.type != TOKENIZER_NONE;
    if (config->model.vocab_size != data->vocab_size)
        return fail(SIGMOE_BAD_ARGUMENT,
            "the model has a vocabulary of %lld token%s and the data in %s one of %lld: use data prepared "
            "for this model",
            (long long)config->model.vocab_size, plural(config->model.vocab_size), data->directory,
            (long long)data->vocab_size);
    if (known && !tokenizer_equal(&config->tokenizer, &data->tokenizer))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the data in %s was cut into tokens by another tokenizer than the model's: use data prepared for "
            "this model",
            data->directory);
    return SIGMOE_OK;
}

sigmoe_status config_adopt_data(sigmoe_config *config, const dataset *data) {
    if (config->vocabulary_from_data) config->model.vocab_size = data->vocab_size;
    config->vocabulary_from_data = false;
    TRY(config_agrees_with_data(config, data));
    // The data's tokenizer, whose files stay where they are; but details that only the model knows are kept.
    if (config->tokenizer.type == TOKENIZER_NONE || data->tokenizer.model_path[0])
        config->tokenizer = data->tokenizer;
    return model_config_check(&config->model);
}
