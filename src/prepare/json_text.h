// Finds the field `text` in a line of JSON. The line is scanned once from front to back; values of any size and depth are
// skipped, not stored, so that no number, key or nesting in an unused field makes a document unreadable. Still strict: the
// grammar is that of RFC 8259, and strings must be UTF-8. NaN, Infinity and -Infinity are accepted as numbers, since Python
// writes them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum json_text_kind {
    JSON_TEXT_FOUND,
    JSON_TEXT_NULL, // the field is null
    JSON_TEXT_MISSING,
    JSON_TEXT_NO_STRING,
    JSON_TEXT_NO_OBJECT, // valid JSON, but not an object
    JSON_TEXT_NO_JSON,
} json_text_kind;

typedef struct json_text {
    const char *escaped; // FOUND: the string between its quotes, in the line
    size_t size;
    const char *problem; // NO_JSON: what is wrong
    size_t offset;       // byte where the problem is, from 0
} json_text;

// Bytes needed to scan a line of `size` bytes: one bit for each level of nesting.
static inline size_t json_text_levels(size_t size) {
    return size / 8 + 1;
}

// `levels` [json_text_levels(size)] is overwritten. If the object has several fields `text`, the last one counts; fields of
// nested objects do not.
json_text_kind json_text_find(const char *line, size_t size, unsigned char *levels, json_text *out);

// Decodes the text found, as UTF-8; returns its size, at most t->size. An unpaired surrogate becomes U+FFFD, \u0000 a zero
// byte.
size_t json_text_decode(const json_text *t, char *out);
