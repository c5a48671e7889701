// A stream of the bytes of an input, which comes in pieces of a chosen size.
#pragma once

#include "prepare/archive/byte_source.h"

#include <string.h>

typedef struct memory_source {
    const uint8_t *bytes;
    size_t size, piece;
} memory_source;

static inline sigmoe_status read_memory(void *context, void *buffer, size_t capacity, size_t *count) {
    memory_source *m = context;
    *count = m->piece < capacity ? m->piece : capacity;
    if (*count > m->size) *count = m->size;
    if (*count) memcpy(buffer, m->bytes, *count);
    m->bytes += *count;
    m->size -= *count;
    return SIGMOE_OK;
}

static inline void leave_memory(void *context) {
    (void)context;
}

static inline byte_source memory_source_of(memory_source *m) {
    return (byte_source){read_memory, leave_memory, m};
}
