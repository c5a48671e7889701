// A model's configuration with its tokenizer and training settings. config.json <-> struct.
#pragma once

#include "data/dataset.h"
#include "model/config.h"

struct sigmoe_config {
    model_config model;
    tokenizer tokenizer;
    sigmoe_train_settings settings;
    bool vocabulary_from_data; // vocab_size is a preset's: the data set's replaces it
    // Caches of the public functions; NULL if not requested since the last change.
    char *json;
    parameter_list *tensors;
    arena *tensor_texts;
    const char **tensor_inits; // one per tensor, in that arena
};

// Fills *config (without caches) from a config.json; errors name the file and key.
sigmoe_status config_read(const char *path, sigmoe_config *config);
// The same from a text; a SentencePiece tokenizer is without its model.
sigmoe_status config_parse(const char *text, sigmoe_config *config);
// What sigmoe_config_create describes.
sigmoe_config config_default(void);
// Writes config.json: equal configurations give equal bytes.
sigmoe_status config_write(const char *path, const sigmoe_config *config);
// Frees the caches, for the next use to make them anew.
void config_forget_caches(sigmoe_config *config);
// A copy without the caches; nothing to free.
sigmoe_config config_copy(const sigmoe_config *config);
// Like sigmoe_config_set, on a struct without caches.
sigmoe_status config_set(sigmoe_config *config, const char *key, const char *value);
// "key=value".
sigmoe_status config_override(sigmoe_config *config, const char *assignment);
sigmoe_status config_to_json(const sigmoe_config *config, json_t **out);
// The inverse, for what config_to_json made; a SentencePiece tokenizer is without its model.
sigmoe_status config_from_json(const json_t *root, sigmoe_config *config);
// Whether both would give the same config.json, ignoring what `leave_out` removes from each.
bool config_equal(const sigmoe_config *a, const sigmoe_config *b,
    void (*leave_out)(const sigmoe_config *config, json_t *object));
// Checks that vocabulary and tokenizer match the data's, as far as both are known.
sigmoe_status config_agrees_with_data(const sigmoe_config *config, const dataset *data);
// Checks that the vocabulary and tokenizer of model and data match; takes them from the data if vocab_size is a preset's or the
// tokenizer is unknown.
sigmoe_status config_adopt_data(sigmoe_config *config, const dataset *data);
