// A stream of bytes, read once from front to back: a file, or what an archive holds.
#pragma once

#include "base/arena.h"

typedef struct byte_source {
    // Up to `capacity` bytes; *count 0 means the end.
    sigmoe_status (*read)(void *context, void *buffer, size_t capacity, size_t *count);
    void (*close)(void *context);
    void *context;
} byte_source;

// The context lives in the arena; close before releasing it.
sigmoe_status file_source_open(const char *path, arena *a, byte_source *out);
// Whether there is nothing in it, by reading a byte. Closes it.
sigmoe_status byte_source_is_empty(byte_source *source, bool *empty);
// A NULL context is allowed: a source that was never opened.
void byte_source_close(byte_source *source);
