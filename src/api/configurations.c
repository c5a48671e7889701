// Chapter 2: configurations. What they cost and their presets are files of their own.
#include "config/config_file.h"
#include "config/config_keys.h"
#include "formats/json_options.h"

#include <pthread.h>
#include <stdlib.h>

static sigmoe_status new_config(sigmoe_config **out) {
    *out = calloc(1, sizeof **out);
    return *out ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for a configuration");
}

void sigmoe_config_free(sigmoe_config *config) {
    if (!config) return;
    config_forget_caches(config);
    free(config);
}

sigmoe_status sigmoe_config_create(sigmoe_config **out) {
    TRY(new_config(out));
    **out = config_default();
    return SIGMOE_OK;
}

// A new configuration that `read` fills from `source`.
static sigmoe_status read_config(
    sigmoe_status read(const char *source, sigmoe_config *config), const char *source, sigmoe_config **out) {
    sigmoe_config *config;
    TRY(new_config(&config));
    sigmoe_status status = read(source, config);
    if (status == SIGMOE_OK)
        *out = config;
    else
        sigmoe_config_free(config);
    return status;
}

sigmoe_status sigmoe_config_from_file(const char *path, sigmoe_config **out) {
    return read_config(config_read, path, out);
}

sigmoe_status sigmoe_config_from_json(const char *text, sigmoe_config **out) {
    return read_config(config_parse, text, out);
}

sigmoe_status sigmoe_config_set(sigmoe_config *config, const char *key, const char *value) {
    TRY(config_set(config, key, value));
    config_forget_caches(config);
    return SIGMOE_OK;
}

sigmoe_status sigmoe_config_check(const sigmoe_config *config) {
    return model_config_check(&config->model);
}

sigmoe_status sigmoe_config_json(sigmoe_config *config, const char **json) {
    if (!config->json) {
        json_t *root;
        TRY(config_to_json(config, &root));
        config->json = json_text(root);
        json_decref(root);
        if (!config->json) return fail(SIGMOE_NO_MEMORY, "no memory for the configuration as JSON");
    }
    *json = config->json;
    return SIGMOE_OK;
}

void sigmoe_config_settings(const sigmoe_config *config, sigmoe_train_settings *settings) {
    *settings = config->settings;
}

// All options as texts, created by the first caller and constant from then on.
typedef struct option_strings {
    char path[CONFIG_KEY_SIZE], values[256], preset[64];
} option_strings;
static sigmoe_option described[MOST_CONFIG_KEYS];
static option_strings description_strings[MOST_CONFIG_KEYS];
static int options_described;

static void describe_options(void) {
    config_key key;
    for (int i = 0; i < MOST_CONFIG_KEYS && config_key_at(i, &key); i++) {
        option_strings *texts = &description_strings[i];
        config_key_path(&key, texts->path);
        option_describe(key.option, texts->values, sizeof texts->values, texts->preset, sizeof texts->preset);
        described[i] = (sigmoe_option){.key = texts->path,
            .applies = key.variant ? key.variant->name : "",
            .values = texts->values,
            .preset = texts->preset,
            .help = key.option->help};
        options_described++;
    }
}

bool sigmoe_option_at(int index, sigmoe_option *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, describe_options);
    if (index < 0 || index >= options_described) return false;
    *out = described[index];
    return true;
}
