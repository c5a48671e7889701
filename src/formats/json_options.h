// Options (base/option.h) from and to JSON objects. Errors name the key's path ("ff.k") and the nearest known key.
#pragma once

#include "base/arena.h"
#include "base/option.h"
#include "system/file.h"

#include <jansson.h>

// Parses a whole file into a JSON object; errors name the file, line and column. Free with json_decref. A file of more than
// 4 MiB or JSON_MOST_VALUES values cannot be one of the program's and is refused before it takes memory.
enum { JSON_MOST_VALUES = 1 << 18 };
sigmoe_status json_read_object(const char *path, json_t **out);
// The same for bytes in memory, of any size but with at most `most_values` values: a value may take a hundred times the memory
// of its text. `name` replaces the file's name in errors.
sigmoe_status json_parse_object(
    const char *name, const void *bytes, size_t size, int64_t most_values, json_t **out);
// Keys in insertion order, indented by 2; free with free(); NULL if out of memory. Numbers have 15 digits, so that 0.1 is
// written as 0.1, or all 17 if 15 would lose precision: reading them back gives the same doubles.
char *json_text(const json_t *object);
// The same as `print` writes it, whose context is the text, to a file: under a temporary name, fsynced, renamed.
sigmoe_status json_write_as(const char *path, const json_t *object, file_contents *print);
// Just so, with a line's end.
sigmoe_status json_write(const char *path, const json_t *object);
// Writes what was `filled`, and releases it in any case; returns what failed first.
sigmoe_status json_save(sigmoe_status filled, const char *path, json_t *root);

// Every key of `object` must be in `table` or in `also` (NULL-terminated: keys that are read elsewhere); every required option
// must be present; values must have the right type and be in range. `path` is "" or "ff." and so on.
sigmoe_status json_read_options(
    const json_t *object, const char *path, option_table table, const char *const *also, void *values);
// Adds all options to `object`, in table order.
sigmoe_status json_write_options(json_t *object, option_table table, const void *values);
// Sets one option from text as JSON would write it ("4", "0.1", "true"; "sigmoid" with or without quotes).
sigmoe_status option_set_text(const option *o, const char *path, const char *text, void *values);
// "1..65536" or "a|b|c" into buffer; the default as text into usual.
void option_describe(const option *o, char *values, size_t values_size, char *usual, size_t usual_size);
