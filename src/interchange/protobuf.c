#include "interchange/protobuf.h"

#include <endian.h>
#include <string.h>

enum wire_type { VARINT = 0, BYTES = 2, FIXED32 = 5 };

message message_in(arena *a) {
    return (message){.arena = a};
}

static void append(message *m, const void *bytes, size_t size) {
    if (m->status != SIGMOE_OK || size == 0) return;
    if (size > m->capacity - m->size) {
        char *larger;
        size_t capacity = 2 * (m->size + size) + 64;
        m->status = ARENA_NEW_RAW(m->arena, larger, (int64_t)capacity);
        if (m->status != SIGMOE_OK) return;
        if (m->size) memcpy(larger, m->bytes, m->size);
        m->bytes = larger;
        m->capacity = capacity;
    }
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

static void append_varint(message *m, uint64_t value) {
    unsigned char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) bytes[size++] = (unsigned char)(0x80 | (value & 0x7f));
    bytes[size++] = (unsigned char)value;
    append(m, bytes, size);
}

static void append_tag(message *m, int field, enum wire_type type) {
    append_varint(m, (uint64_t)field << 3 | type);
}

void put_int(message *m, int field, int64_t value) {
    append_tag(m, field, VARINT);
    append_varint(m, (uint64_t)value);
}

void put_float(message *m, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = htole32(bits);
    append_tag(m, field, FIXED32);
    append(m, &bits, sizeof bits);
}

void put_head(message *m, int field, size_t size) {
    append_tag(m, field, BYTES);
    append_varint(m, size);
}

void put_bytes(message *m, int field, const void *bytes, size_t size) {
    put_head(m, field, size);
    append(m, bytes, size);
}

void put_text(message *m, int field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

void put_message(message *m, int field, const message *inner) {
    if (m->status == SIGMOE_OK) m->status = inner->status;
    put_bytes(m, field, inner->bytes, inner->size);
}
