// The only way to make text of JSON with jansson: its own functions pass over a key for which memory runs out.
#pragma once

#include <jansson.h>

// Like json_dumps: freed by the caller, with free() unless jansson has another allocator; NULL if out of memory. `flags` are
// jansson's.
char *json_print(const json_t *value, size_t flags);
