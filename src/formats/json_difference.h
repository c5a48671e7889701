// Where two JSON objects differ, for a message.
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum { JSON_KEY_TEXT = 256, JSON_VALUE_TEXT = 80 };

typedef struct json_difference {
    char key[JSON_KEY_TEXT]; // its path: "ff.k"
    char before[JSON_VALUE_TEXT], now[JSON_VALUE_TEXT];
} json_difference;

// Finds the first member of `now`, at any depth, that is another in `before`, or absent there; false: none. Texts that are too
// long are cut.
bool json_find_difference(const json_t *before, const json_t *now, json_difference *out);
