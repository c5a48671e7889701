// JSON text to values, the one way into jansson: text of any depth would take any amount of stack.
#pragma once

#include <jansson.h>

enum { JSON_MOST_DEPTH = 64 }; // nothing of ours has more than 8

// As json_loadb. `error` may be NULL.
json_t *json_parse(const char *text, size_t size, size_t flags, json_error_t *error);

// Where the next bracket or comma outside of strings stands, from `from` on, which is outside of strings, too; `size`: there is
// none. Of text that is no JSON, perhaps a wrong one.
size_t json_next_mark(const char *text, size_t size, size_t from);
