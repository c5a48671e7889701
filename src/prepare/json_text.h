// The field `text` of a line of JSON. A line is scanned once from front to back, whatever else it holds: values of any size
// and depth are stepped over, not kept, so that no number, key or nesting in an unused field makes a document unreadable.
// Strict all the same: the grammar is that of RFC 8259, and strings must be UTF-8. NaN, Infinity and -Infinity pass for
// numbers, as Python writes them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum json_text_kind {
    JSON_TEXT_FOUND,
    JSON_TEXT_NULL, // it says that there is none
    JSON_TEXT_MISSING,
    JSON_TEXT_NO_STRING,
    JSON_TEXT_NO_OBJECT, // but JSON
    JSON_TEXT_NO_JSON,
} json_text_kind;

typedef struct json_text {
    const char *escaped; // FOUND: what stands between the quotes, in the line
    size_t size;
    const char *problem; // NO_JSON: what is wrong
    size_t offset;       // and at which byte, from 0
} json_text;

// Room that a line of `size` bytes needs for what is open in it: a bit each.
static inline size_t json_text_levels(size_t size) {
    return size / 8 + 1;
}

// `levels` [json_text_levels(size)] is overwritten. Of several fields `text` of the object the last counts; those of what
// it holds do not.
json_text_kind json_text_find(const char *line, size_t size, unsigned char *levels, json_text *out);

// The text that was found as UTF-8; returns its size, which is t->size at most. A surrogate that has no partner becomes
// U+FFFD, \u0000 a zero byte.
size_t json_text_decode(const json_text *t, char *out);
