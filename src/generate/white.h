// White space between words.
#pragma once

#include <stdbool.h>

static inline bool is_white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
