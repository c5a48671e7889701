#include "data/text_counter.h"

static bool is_space(unsigned char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

// The first byte of a code point says how many follow, and narrows the second: no overlong forms, no surrogates, nothing
// beyond U+10FFFF.
static void begin_code_point(text_counter *c, unsigned char byte) {
    c->low = 0x80;
    c->high = 0xbf;
    c->pending = 1;
    if (byte >= 0xc2 && byte <= 0xdf) {
        c->missing = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        c->missing = 2;
        if (byte == 0xe0) c->low = 0xa0;
        if (byte == 0xed) c->high = 0x9f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        c->missing = 3;
        if (byte == 0xf0) c->low = 0x90;
        if (byte == 0xf4) c->high = 0x8f;
    } else { // ASCII, or a byte that begins nothing
        c->complete++;
        c->pending = 0;
    }
}

static void add_char(text_counter *c, unsigned char byte) {
    if (c->pending && byte >= c->low && byte <= c->high) {
        c->pending++;
        c->low = 0x80;
        c->high = 0xbf;
        if (--c->missing > 0) return;
        c->complete++;
        c->pending = 0;
        return;
    }
    c->complete += c->pending; // what had begun is broken: its bytes count singly
    begin_code_point(c, byte);
}

static void add_word(text_counter *c, unsigned char byte) {
    bool in_word = !is_space(byte);
    c->words += (in_word && !c->in_word) + (byte == '\n');
    c->in_word = in_word;
}

void text_counter_add(text_counter *c, const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        add_char(c, bytes[i]);
        add_word(c, bytes[i]);
    }
}

int64_t text_counter_chars(const text_counter *c) {
    return c->complete + c->pending;
}
