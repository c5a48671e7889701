// What a text holds that text seldom does: counted while it is read for the first time, for one warning.
#pragma once

#include "prepare/archive/byte_source.h"

// How many there are, and where the first one is.
typedef struct odd_finds {
    int64_t count;
    int part;
    int64_t offset; // in that part, unpacked
} odd_finds;

typedef struct odd_bytes {
    odd_finds nuls;
    odd_finds broken; // bytes that belong to no character of UTF-8
    odd_finds marks;  // parts that begin with a byte order mark of UTF-8
    int parts;        // that were read to their end
    // Of the part that is read now:
    int64_t position;
    int marked;         // bytes of a byte order mark at its begin
    int begun, missing; // bytes of a character that are there, and those that are not yet
    uint8_t low, high;  // what the next of them may be
} odd_bytes;            // starts as {0}

// Passes a part on as it is, and counts on the way the first time that it is read to its end. Parts are read in order. Takes over
// *source: it is closed with *out, or at once on failure.
sigmoe_status odd_bytes_watch(odd_bytes *o, int part, byte_source *source, arena *a, byte_source *out);
