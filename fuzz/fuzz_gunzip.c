// Gzip files, in pieces of any size: the bytes are the same, and so is the verdict.
#include "fuzz.h"
#include "memory_source.h"

#include "prepare/archive/gunzip.h"

enum { MOST = 1 << 16 };

typedef struct unpacked {
    sigmoe_status status;
    size_t size;
    unsigned char bytes[MOST];
} unpacked;

static void unpack(const uint8_t *bytes, size_t size, size_t piece, unpacked *out) {
    arena *a;
    byte_source plain;
    memory_source memory = {bytes, size, piece};
    byte_source source = memory_source_of(&memory);
    out->size = 0;
    out->status = arena_create("fuzz", &a);
    if (out->status != SIGMOE_OK) return;
    out->status = gunzip_open(&source, "input", a, &plain);
    if (out->status == SIGMOE_OK) {
        size_t count = 1;
        while (out->status == SIGMOE_OK && count > 0 && out->size < MOST) {
            size_t room = MOST - out->size < piece ? MOST - out->size : piece;
            out->status = plain.read(plain.context, out->bytes + out->size, room, &count);
            if (out->status == SIGMOE_OK) out->size += count;
        }
        byte_source_close(&plain);
    }
    arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static unpacked whole, pieces;
    unpack(bytes, size, 1 << 16, &whole);
    unpack(bytes, size, 1 + size % 7, &pieces);
    if (whole.status == SIGMOE_OK && whole.size < MOST) {
        if (pieces.status != SIGMOE_OK || pieces.size != whole.size) abort();
        if (memcmp(whole.bytes, pieces.bytes, whole.size) != 0) abort();
    }
    if (whole.status != SIGMOE_OK && pieces.status == SIGMOE_OK && pieces.size < MOST) abort();
    arena_fail_after((int64_t)(size % 16));
    unpack(bytes, size, 1 << 10, &pieces);
    arena_fail_after(-1);
    return 0;
}
