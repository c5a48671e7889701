#include "config/config_keys.h"

#include "config/train_settings.h"
#include "model/feedforward/registry.h"

#include <stdio.h>
#include <string.h>

enum { MOST_VARIANTS = 32 };

// The choices of ff.type, from the registry.
static const option *variant_option(void) {
    static _Thread_local const char *names[MOST_VARIANTS + 1];
    static _Thread_local option type;
    int count = 0;
    for (const ff_variant *v; count < MOST_VARIANTS && (v = ff_variant_at(count)); count++)
        names[count] = v->name;
    names[count] = NULL;
    type = (option){.name = "type",
        .type = OPTION_CHOICE,
        .required = true,
        .choices = names,
        .help = "the feedforward block; setting another type sets that type's defaults"};
    return &type;
}

bool config_key_at(int index, config_key *key) {
    option_table top = model_options(), memory = model_memory_options();
    if (index < 0) return false;
    if (index < top.count) {
        *key = (config_key){"", &top.options[index], NULL};
        return true;
    }
    index -= top.count;
    if (index < memory.count) {
        *key = (config_key){"memory_segments.", &memory.options[index], NULL};
        return true;
    }
    index -= memory.count;
    if (index-- == 0) {
        *key = (config_key){"ff.", variant_option(), NULL};
        return true;
    }
    const ff_variant *variant;
    for (int v = 0; (variant = ff_variant_at(v)); index -= variant->options.count, v++) {
        if (index >= variant->options.count) continue;
        *key = (config_key){"ff.", &variant->options.options[index], variant};
        return true;
    }
    return false;
}

bool config_key_is_variant(const config_key *key) {
    return !key->variant && strcmp(key->prefix, "ff.") == 0;
}

void config_key_path(const config_key *key, char path[CONFIG_KEY_SIZE]) {
    snprintf(path, CONFIG_KEY_SIZE, "%s%s", key->prefix, key->option->name);
}

// Finds the key of which only the last part was given: "k" for "ff.k".
static const char *with_name(const char *name, char known[][CONFIG_KEY_SIZE], int count) {
    for (int i = 0; i < count; i++) {
        const char *dot = strchr(known[i], '.');
        if (dot && strcmp(dot + 1, name) == 0) return known[i];
    }
    return NULL;
}

// The variant that has this key; NULL: none.
static const ff_variant *variant_with(const char *path) {
    char known[CONFIG_KEY_SIZE];
    config_key key;
    for (int i = 0; config_key_at(i, &key); i++) {
        config_key_path(&key, known);
        if (key.variant && strcmp(known, path) == 0) return key.variant;
    }
    return NULL;
}

sigmoe_status config_key_unknown(const char *path, const ff_variant *variant) {
    char paths[MOST_CONFIG_KEYS][CONFIG_KEY_SIZE];
    const char *known[MOST_CONFIG_KEYS];
    config_key key;
    int count = 0;
    for (int i = 0; count < MOST_CONFIG_KEYS && config_key_at(i, &key); i++) {
        if (key.variant && key.variant != variant) continue;
        config_key_path(&key, paths[count]);
        known[count] = paths[count];
        count++;
    }
    const ff_variant *other = variant_with(path);
    if (other && variant)
        return fail(SIGMOE_BAD_ARGUMENT, "\"%s\" is a key of ff.type %s, and this model's ff.type is %s",
            path, other->name, variant->name);
    if (option_find(train_settings_options(), path))
        return fail(SIGMOE_BAD_ARGUMENT,
            "\"%s\" is no key of a model but a setting of its training, which has an option of its own",
            path);
    const char *named = with_name(path, paths, count);
    if (named) return fail(SIGMOE_BAD_ARGUMENT, "unknown key \"%s\"; did you mean \"%s\"?", path, named);
    return fail(SIGMOE_BAD_ARGUMENT, "unknown key \"%.80s\"%s", path,
        option_hint("", path, known, count, "`sigmoe_option_at` lists them").text);
}
