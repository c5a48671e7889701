// Counts the characters and words of a text that arrives in pieces.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct text_counter {
    int64_t complete; // code points, and bytes that belong to none
    int64_t words;    // maximal runs of other than ASCII white space, plus one per newline
    bool in_word;
    int pending;       // bytes of a code point that has begun
    int missing;       // and those it still needs
    uint8_t low, high; // what the next byte may be
} text_counter;        // starts as {0}

void text_counter_add(text_counter *c, const unsigned char *bytes, size_t count);
// Unicode code points of valid UTF-8; each byte that is not part of one also counts as one.
int64_t text_counter_chars(const text_counter *c);
