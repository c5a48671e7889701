// The library's sentences speak of its own functions and of members of its requests, in backquotes. Who types a command knows
// these as commands and options.
#pragma once

#include <stddef.h>

// Writes `sentence` as the program's user would put it; what does not fit into `size` bytes is cut.
void reword(const char *sentence, char *out, size_t size);
