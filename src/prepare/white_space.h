// White space in UTF-8 at which a text may be cut for SentencePiece.
#pragma once

#include <stddef.h>
#include <string.h>

// Size in bytes of the white space at `bytes`; 0: there is none. This is what Unicode calls White_Space and SentencePiece turns
// into a space, so neither U+000B, which it drops, nor U+0085, which it keeps. Normalization joins such a character with no
// other, so the text before it and the text from it on give the same tokens apart as together.
static inline size_t white_space_at(const char *bytes, size_t size) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (size == 0) return 0;
    if (b[0] < 0x80) return b[0] == ' ' || b[0] == '\t' || b[0] == '\n' || b[0] == '\f' || b[0] == '\r';
    if (b[0] == 0xc2) return size > 1 && b[1] == 0xa0 ? 2 : 0; // U+00A0
    if (size < 3) return 0;
    switch (b[0]) {
    case 0xe1:
        return b[1] == 0x9a && b[2] == 0x80 ? 3 : 0; // U+1680
    case 0xe2:
        if (b[1] == 0x81) return b[2] == 0x9f ? 3 : 0; // U+205F
        // U+2000 to U+200A, U+2028, U+2029, U+202F
        return b[1] == 0x80 &&
                       ((b[2] >= 0x80 && b[2] <= 0x8a) || b[2] == 0xa8 || b[2] == 0xa9 || b[2] == 0xaf)
                   ? 3
                   : 0;
    case 0xe3:
        return b[1] == 0x80 && b[2] == 0x80 ? 3 : 0; // U+3000
    default:
        return 0;
    }
}
