// What a file holds, by the bytes that it begins with, whatever it is called.
#pragma once

#include <stddef.h>

enum { CONTENT_HEAD = 1 << 15 }; // so many bytes suffice

typedef enum content_form {
    CONTENT_TEXT,   // or nothing that is known: bytes are text unless they say otherwise
    CONTENT_PACKED, // gz, xz, bz2, zst
    CONTENT_ZIP,
    CONTENT_OTHER, // no text, and no way to make it from here
} content_form;

typedef struct content_kind {
    content_form form;
    const char *what;    // OTHER: "a PNG picture"
    const char *instead; // and what to do about it
} content_kind;

// Of a file that begins with `head`; less than CONTENT_HEAD bytes are all of it.
content_kind content_kind_of(const unsigned char *head, size_t size);
