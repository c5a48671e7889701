// Foreign text (names, keys, words of a command line, what stands in files) made fit to be shown. Every route to a person goes
// through here: sentences of failures, notes, pages, screens and, as sigmoe_printable, the program.
#pragma once

#include <stddef.h>

enum { LONGEST_PRINTABLE = 12 };

// A character of a text, as it is shown: itself; or, where it is a control character, invisible, changes the direction of writing
// or is no UTF-8, an escape: \x1b, \u{202e}.
typedef struct printable {
    size_t taken; // bytes of the text; at least 1
    size_t size;  // bytes of `bytes`
    char bytes[LONGEST_PRINTABLE];
} printable;

// The character that begins at `text`, of which `left` (at least 1) bytes remain; SIZE_MAX for a text that ends with a zero.
printable printable_at(const char *text, size_t left);
