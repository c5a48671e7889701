#include "formats/json_difference.h"

#include "formats/json_print.h"

#include <stdio.h>
#include <stdlib.h>

// As JSON, but texts without their quotes.
static void print_value(const json_t *value, char text[JSON_VALUE_TEXT]) {
    if (json_is_string(value)) {
        snprintf(text, JSON_VALUE_TEXT, "%s", json_string_value(value));
        return;
    }
    char *dumped = value ? json_print(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    snprintf(text, JSON_VALUE_TEXT, "%s", dumped ? dumped : "missing");
    free(dumped);
}

static bool find(const char *path, const json_t *before, const json_t *now, json_difference *out) {
    char key[JSON_KEY_TEXT];
    const char *name;
    json_t *value;
    if (!json_is_object(before) || !json_is_object(now)) {
        if (json_equal((json_t *)before, (json_t *)now)) return false;
        snprintf(out->key, sizeof out->key, "%s", path);
        print_value(before, out->before);
        print_value(now, out->now);
        return true;
    }
    json_object_foreach((json_t *)now, name, value) {
        snprintf(key, sizeof key, "%s%s%s", path, *path ? "." : "", name);
        if (find(key, json_object_get(before, name), value, out)) return true;
    }
    return false;
}

bool json_find_difference(const json_t *before, const json_t *now, json_difference *out) {
    return find("", before, now, out);
}
