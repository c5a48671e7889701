// A stream of bytes, read once from front to back: a file or a member of an archive.
#pragma once

#include "base/arena.h"

typedef struct byte_source {
    // Reads up to `capacity` bytes; *count 0 means the end.
    sigmoe_status (*read)(void *context, void *buffer, size_t capacity, size_t *count);
    void (*close)(void *context);
    void *context;
} byte_source;

// The context lives in the arena: close the source before releasing the arena.
sigmoe_status file_source_open(const char *path, arena *a, byte_source *out);
// Checks whether the source is empty, by reading a byte. Closes it.
sigmoe_status byte_source_is_empty(byte_source *source, bool *empty);
// The context may be NULL: a source that was never opened.
void byte_source_close(byte_source *source);
