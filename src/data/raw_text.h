// A corpus before tokenization: parts that follow each other and are read as one text, as often as needed, so that
// nothing has to fit into memory.
#pragma once

#include "data/byte_source.h"

typedef struct raw_text {
    const char *name;   // for messages: "enwik8"
    const char *source; // for meta.json: where it came from
    int parts;
    sigmoe_status (*open)(const void *context, int part, arena *a, byte_source *out);
    const void *context;
    int64_t bytes;      // what it must have; 0: any number
    const char *sha256; // what it must have; NULL: any
    // Cuts between splits: exactly at 90 and 95 % of the bytes, or else moved on to where a UTF-8 character begins.
    bool exact_cuts;
} raw_text;
