// Counts bytes that are unusual in text, during the first reading, for a single warning.
#pragma once

#include "prepare/archive/byte_source.h"

// How many were found, and where the first one is.
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
    // In the part being read:
    int64_t position;
    int marked;         // bytes of a byte order mark seen at its start
    int begun, missing; // bytes of the current character seen, and still missing
    uint8_t low, high;  // range of its next byte
} odd_bytes;            // starts as {0}

// Passes a part through unchanged and counts while it is first read to its end. Parts are read in order. Takes over *source,
// which is closed together with *out, or immediately on failure.
sigmoe_status odd_bytes_watch(odd_bytes *o, int part, byte_source *source, arena *a, byte_source *out);
