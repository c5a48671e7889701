// What compare and sweep print in the end.
#pragma once

#include <stdbool.h>

// Prints `table`, the text of a comparison in the directory `out`, and where its report is; or OUT/table.json. Returns the exit
// status.
int print_comparison(const char *out, const char *table, bool json);
