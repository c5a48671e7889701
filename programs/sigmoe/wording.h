// The library's messages name its functions and request members in backquotes. The program's user knows these as commands and
// options.
#pragma once

#include <stddef.h>

// Rewrites `sentence` for the program's user; cuts what exceeds `size` bytes.
void reword(const char *sentence, char *out, size_t size);
