// Every key of config.json that a user may set, from the schemas of the model and of all feedforward variants.
#pragma once

#include "model/config.h"

typedef struct config_key {
    const char *prefix; // "", "memory_segments.", "ff."
    const option *option;
    const ff_variant *variant; // the key exists for this ff.type alone; NULL: for every model
} config_key;

// Returns false if `index` is past the end.
bool config_key_at(int index, config_key *key);
// Whether the key is "ff.type", whose value (an index into the registry) is not in an options struct.
bool config_key_is_variant(const config_key *key);

enum { CONFIG_KEY_SIZE = 64, MOST_CONFIG_KEYS = 128 };
void config_key_path(const config_key *key, char path[CONFIG_KEY_SIZE]); // "ff.k"
// Fails for an unknown key; the message names the nearest key that a model with this variant has.
sigmoe_status config_key_unknown(const char *path, const ff_variant *variant);
