// What a file holds, judged by its first bytes and not by its name.
#pragma once

#include <stddef.h>

enum { CONTENT_HEAD = 1 << 15 }; // bytes that suffice

typedef enum content_form {
    CONTENT_TEXT,   // or nothing known: bytes are text unless they look like something else
    CONTENT_PACKED, // gz, xz, bz2, zst
    CONTENT_ZIP,
    CONTENT_OTHER, // not text, and cannot be converted here
} content_form;

typedef struct content_kind {
    content_form form;
    const char *what;    // OTHER: "a PNG picture"
    const char *instead; // what the user can do about it
} content_kind;

// How many of the bytes are control characters, other than those that occur in text.
size_t content_controls(const unsigned char *bytes, size_t size);
// The kind of a file that begins with `head`. If size < CONTENT_HEAD, `head` is the whole file.
content_kind content_kind_of(const unsigned char *head, size_t size);
