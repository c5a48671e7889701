// Raw text and UTF-8, in pieces of any size: its kind, characters, words and odd bytes do not depend on where it is cut.
#include "fuzz.h"
#include "memory_source.h"

#include "data/text_counter.h"
#include "prepare/archive/content_kind.h"
#include "prepare/odd_bytes.h"

static text_counter count(const uint8_t *bytes, size_t size, size_t piece) {
    text_counter c = {0};
    for (size_t i = 0; i < size; i += piece)
        text_counter_add(&c, bytes + i, size - i < piece ? size - i : piece);
    return c;
}

static odd_bytes watch(const uint8_t *bytes, size_t size, size_t piece) {
    odd_bytes odd = {0};
    arena *a;
    unsigned char block[64];
    memory_source memory = {bytes, size, piece};
    byte_source source = memory_source_of(&memory), out;
    size_t got = 1;
    if (arena_create("fuzz", &a) != SIGMOE_OK) abort();
    if (odd_bytes_watch(&odd, 0, &source, a, &out) != SIGMOE_OK) abort();
    while (got > 0)
        if (out.read(out.context, block, sizeof block, &got) != SIGMOE_OK) abort();
    byte_source_close(&out);
    arena_destroy(a);
    return odd;
}

static bool equal(const odd_finds *a, const odd_finds *b) {
    return a->count == b->count && a->part == b->part && a->offset == b->offset;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    size_t piece = 1 + size % 5;
    content_kind kind = content_kind_of(bytes, size < CONTENT_HEAD ? size : CONTENT_HEAD);
    if (kind.form == CONTENT_OTHER && (!kind.what || !kind.instead)) abort();
    text_counter whole = count(bytes, size, size + 1), pieces = count(bytes, size, piece);
    if (text_counter_chars(&whole) != text_counter_chars(&pieces) || whole.words != pieces.words) abort();
    if (text_counter_chars(&whole) > (int64_t)size || whole.words > (int64_t)size) abort();
    odd_bytes one = watch(bytes, size, size + 1), other = watch(bytes, size, piece);
    if (!equal(&one.nuls, &other.nuls) || !equal(&one.broken, &other.broken) ||
        !equal(&one.marks, &other.marks))
        abort();
    if (one.broken.count > (int64_t)size || one.nuls.count > (int64_t)size) abort();
    return 0;
}
