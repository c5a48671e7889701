#include "fuzz.h"

#include "formats/json_options.h"

#include "config/config_file.h"
#include "config/config_keys.h"

// Estimates the costs of sizes chosen by a stranger; the computation must not overflow.
static void estimate(const sigmoe_config *config) {
    sigmoe_summary summary;
    enum { MOST_LAYERS = 64 }; // every layer is declared: thousands take time and reveal nothing more
    if (config->model.n_layers > MOST_LAYERS) return;
    if (sigmoe_config_summary(config, 1, SIGMOE_RECOMPUTE_NONE, SIGMOE_F32, &summary) != SIGMOE_OK) return;
    if (summary.parameters < 1 || !(summary.train_bytes > 0)) abort();
}

// An accepted configuration must be complete: writing it as JSON and reading it back gives the same configuration.
static void check_round_trip(const sigmoe_config *config) {
    json_t *written, *again;
    sigmoe_config back;
    if (model_config_check(&config->model) != SIGMOE_OK) abort();
    if (config_to_json(config, &written) != SIGMOE_OK) abort();
    char *text = json_text(written);
    if (!text) abort();
    const char *path = input_file((const uint8_t *)text, strlen(text));
    if (config_read(path, &back) != SIGMOE_OK || config_to_json(&back, &again) != SIGMOE_OK) abort();
    if (!json_equal(written, again) || !tokenizer_equal(&config->tokenizer, &back.tokenizer)) abort();
    free(text);
    json_decref(written);
    json_decref(again);
}

// When an allocation fails, what is written is whole, or nothing is.
static void read_without_memory(const uint8_t *bytes, size_t size) {
    sigmoe_config config;
    json_t *starved, *written;
    const char *path = input_file(bytes, size);
    fail_an_allocation(bytes, size);
    sigmoe_status status = config_read(path, &config);
    sigmoe_status made = status == SIGMOE_OK ? config_to_json(&config, &starved) : status;
    fail_no_allocation();
    if (status == SIGMOE_OK) check_round_trip(&config);
    if (made != SIGMOE_OK) return;
    if (config_to_json(&config, &written) != SIGMOE_OK || !json_equal(starved, written)) abort();
    json_decref(starved);
    json_decref(written);
}

static void read_file(const uint8_t *bytes, size_t size) {
    sigmoe_config config;
    if (config_read(input_file(bytes, size), &config) == SIGMOE_OK) {
        check_round_trip(&config);
        estimate(&config);
    }
    read_without_memory(bytes, size);
}

// Uses the input as the argument of --set, for a model of each kind, since each kind has keys of its own.
static void read_setting(const char *text) {
    static const char *const presets[] = {"demo", "e8-dense", "e8-topk", "e8-pkm-relu"};
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        sigmoe_config *made;
        if (sigmoe_config_from_preset(presets[i], &made) != SIGMOE_OK) abort();
        sigmoe_config config = config_copy(made);
        sigmoe_config_free(made);
        if (config_override(&config, text) == SIGMOE_OK && model_config_check(&config.model) == SIGMOE_OK) {
            check_round_trip(&config);
            estimate(&config);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_file(bytes, size);
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, bytes, size);
    text[size] = '\0';
    read_setting(text);
    free(text);
    return 0;
}
