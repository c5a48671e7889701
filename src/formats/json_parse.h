// The only way to parse JSON with jansson: without a depth limit, a text could use up the stack.
#pragma once

#include <jansson.h>
#include <stdint.h>

enum { JSON_MOST_DEPTH = 64 }; // the program's own files have at most 8

// Like json_loadb. `error` may be NULL.
json_t *json_parse(const char *text, size_t size, size_t flags, json_error_t *error);

// The position of the next bracket or comma outside of strings, or `size`. `from` must be outside of strings, too. May be wrong
// if the text is not JSON.
size_t json_next_mark(const char *text, size_t size, size_t from);

// Roughly the number of values and members in the text: each follows a comma or an opening bracket. Arbitrary if the text is
// not JSON.
int64_t json_count_values(const char *text, size_t size);
