#include "data/text_counter.h"

#include "base/utf8.h"

static bool is_space(unsigned char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void begin_code_point(text_counter *c, unsigned char byte) {
    utf8_lead lead = utf8_lead_of(byte);
    c->missing = lead.more;
    c->low = lead.low;
    c->high = lead.high;
    c->pending = lead.more > 0;
    if (lead.more == 0) c->complete++; // ASCII, or a byte that begins nothing
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
