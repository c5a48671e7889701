// Messages of Protocol Buffers, written into memory.
#pragma once

#include "base/arena.h"

// All of it is in the arena. When memory has run out, `status` says so, and what is put is lost.
typedef struct message {
    arena *arena;
    char *bytes;
    size_t size, capacity;
    sigmoe_status status;
} message;

message message_in(arena *a);
void put_int(message *m, int field, int64_t value);
void put_float(message *m, int field, float value);
void put_bytes(message *m, int field, const void *bytes, size_t size);
void put_text(message *m, int field, const char *text);
void put_message(message *m, int field, const message *inner);
// The beginning of a field whose bytes, `size` of them, follow by other means.
void put_head(message *m, int field, size_t size);
