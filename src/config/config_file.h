// A model's configuration with what travels along: its tokenizer and how to train it. config.json <-> struct.
#pragma once

#include "data/dataset.h"
#include "model/config.h"

struct sigmoe_config {
    model_config model;
    tokenizer tokenizer;
    sigmoe_train_settings settings;
    bool vocabulary_from_data; // vocab_size is a preset's: the data set's replaces it
    // Caches of the public functions, NULL when not asked for since the last change.
    char *json;
    parameter_list *tensors;
    arena *tensor_texts;
    const char **tensor_inits; // one a tensor, in that arena
};

// Fills *config (no caches) from a config.json; the sentence names file and key.
sigmoe_status config_read(const char *path, sigmoe_config *config);
// Writes config.json: the same bytes for the same configuration.
sigmoe_status config_write(const char *path, const sigmoe_config *config);
// A copy without the caches; nothing to free.
sigmoe_config config_copy(const sigmoe_config *config);
// As sigmoe_config_set, on a struct without caches.
sigmoe_status config_set(sigmoe_config *config, const char *key, const char *value);
// "key=value".
sigmoe_status config_override(sigmoe_config *config, const char *assignment);
sigmoe_status config_to_json(const sigmoe_config *config, json_t **out);
// Equal as config.json has them, but for what `leave_out` takes out of each.
bool config_equal(const sigmoe_config *a, const sigmoe_config *b,
    void (*leave_out)(const sigmoe_config *config, json_t *object));
// Vocabulary and tokenizer are the data's, as far as both are known.
sigmoe_status config_agrees_with_data(const sigmoe_config *config, const dataset *data);
// Vocabulary and tokenizer of model and data must agree; a preset's vocab_size and an unknown tokenizer are taken from
// the data.
sigmoe_status config_adopt_data(sigmoe_config *config, const dataset *data);
