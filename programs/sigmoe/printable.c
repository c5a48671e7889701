#include "printable.h"

#include <stdbool.h>

static bool between(unsigned char byte, unsigned char low, unsigned char high) {
    return byte >= low && byte <= high;
}

// The length in bytes of the UTF-8 character at `t`; 0 if none begins there. Overlong forms are rejected, since lenient
// terminals may decode them to the control character that they hide. The terminating zero is not a continuation byte.
static int character_length(const unsigned char *t) {
    if (t[0] < 0x80) return 1;
    if (between(t[0], 0xc2, 0xdf)) return between(t[1], 0x80, 0xbf) ? 2 : 0;
    int length = between(t[0], 0xe0, 0xef) ? 3 : between(t[0], 0xf0, 0xf4) ? 4 : 0;
    unsigned char low = t[0] == 0xe0 ? 0xa0 : t[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = t[0] == 0xed ? 0x9f : t[0] == 0xf4 ? 0x8f : 0xbf;
    if (length == 0 || !between(t[1], low, high)) return 0;
    for (int i = 2; i < length; i++)
        if (!between(t[i], 0x80, 0xbf)) return 0;
    return length;
}

static bool is_control(const unsigned char *t, int length) {
    return length == 1 ? t[0] < 0x20 || t[0] == 0x7f : length == 2 && t[0] == 0xc2 && t[1] < 0xa0;
}

void make_printable(char *text) {
    unsigned char *to = (unsigned char *)text;
    for (const unsigned char *from = to; *from;) {
        int length = character_length(from);
        if (length == 0 || is_control(from, length)) {
            *to++ = '?';
            from += length > 0 ? length : 1;
        } else {
            for (; length > 0; length--) *to++ = *from++;
        }
    }
    *to = 0;
}
