// The result of a comparison as a table: text, CSV and JSON.
#pragma once

#include "compare/summary.h"

enum table_column {
    COLUMN_VARIANT,
    COLUMN_PARAMETERS,
    COLUMN_DIFFERENCE,
    COLUMN_PERCENT,
    COLUMN_FLOPS,
    COLUMN_TIME,
    COLUMN_SPEED,
    COLUMN_ACTIVATIONS,
    COLUMN_VALID,
    COLUMN_TEST,
    COLUMN_PUBLISHED,
    TABLE_COLUMNS,
};

// The table for readers: headings, a line for each variant, and one for the n-gram if there is one. UTF-8.
typedef struct table_cells {
    const char *(*cell)[TABLE_COLUMNS]; // [lines]; lines 0 and 1 are the two heading lines
    int lines;
} table_cells;
enum { TABLE_HEADINGS = 2 };
sigmoe_status table_cells_make(
    const comparison_result *c, const variant_summary *summaries, table_cells *out);

// "47,260,120" in the arena; NULL if out of memory, like arena_text. `value` is not negative.
const char *grouped_text(arena *a, int64_t value);

// The contents of table.txt, for a sweep with its verdicts; freed by the caller. The lines of the table are at most
// `columns` characters wide (0: any width), as far as leaving out columns can do; those below it are not folded.
sigmoe_status table_text(
    const comparison_result *c, const variant_summary *summaries, int columns, char **out);
