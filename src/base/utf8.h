// What the first byte of a UTF-8 sequence tells: excludes overlong forms, surrogates, and code points beyond U+10FFFF.
#pragma once

#include <stdint.h>

typedef struct utf8_lead {
    int more;          // bytes that follow; 0: ASCII, or not a valid first byte
    uint8_t low, high; // range of the first byte that follows; the others are 0x80 to 0xbf
} utf8_lead;

static inline utf8_lead utf8_lead_of(uint8_t byte) {
    utf8_lead lead = {0, 0x80, 0xbf};
    if (byte < 0xc2 || byte > 0xf4) return lead;
    lead.more = 1 + (byte >= 0xe0) + (byte >= 0xf0);
    if (byte == 0xe0) lead.low = 0xa0;
    if (byte == 0xed) lead.high = 0x9f;
    if (byte == 0xf0) lead.low = 0x90;
    if (byte == 0xf4) lead.high = 0x8f;
    return lead;
}
