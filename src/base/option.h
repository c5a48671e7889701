// A schema of options as data: the model declares its options, and one parser (formats/json_options.h), one printer and --help
// serve every variant from the same table.
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum option_type { OPTION_INTEGER, OPTION_NUMBER, OPTION_FLAG, OPTION_CHOICE } option_type;

// The value is at `offset` in the options struct: int64_t, double, bool, or int (index into choices).
typedef struct option {
    const char *name;
    option_type type;
    size_t offset;
    bool required;
    double low, high;           // inclusive range of integers and numbers
    double preset;              // default, unless required
    const char *const *choices; // NULL-terminated, for OPTION_CHOICE
    const char *help;
} option;

typedef struct option_table {
    const option *options;
    int count;
} option_table;

// Sets every option that is not required to its default, and the rest to 0.
void option_defaults(option_table table, void *values);
// Checks that every value is in range and every choice exists; the message names the key, `path` plus name ("ff.k").
sigmoe_status option_check(option_table table, const char *path, const void *values);
const option *option_find(option_table table, const char *name); // NULL when unknown

// The end of a message about an unknown name: "; did you mean \"ff.rate\"?", if a known one, shown with `path`, is near; then
// `where`, which says where all are listed. If `where` is NULL and none is near: all known names, if they are few. Used as a
// temporary: option_hint(...).text.
typedef struct nearest_hint {
    char text[256];
} nearest_hint;
nearest_hint option_hint(
    const char *path, const char *name, const char *const *known, int count, const char *where);
