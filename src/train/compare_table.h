// The result of a comparison as numbers, and those as text, CSV and JSON.
#pragma once

#include "train/compare_plan.h"

typedef struct spread {
    double mean, deviation; // sample standard deviation over seeds; NaN with fewer than two
} spread;

typedef struct table_row {
    spread valid, test; // over the seeds whose training stayed finite
    // Medians over the seeds of the medians over their steps. The middle half of a seed's steps lies between low and high, from
    // the lowest of the seeds to the highest.
    quartiles tokens_per_second;   // of training
    quartiles feedforward_seconds; // of a step
    quartiles feedforward_share;   // over dense's median; NaN when dense was not compared
    double peak_activation_bytes;  // the largest of the seeds
} table_row;

// [variants], in the comparison's arena.
sigmoe_status table_rows(const comparison *c, table_row **out);

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

// The table as a person reads it: a line of headings, one for each variant, and the n-gram's where there is one. UTF-8.
typedef struct table_cells {
    const char *(*cell)[TABLE_COLUMNS]; // [lines]; lines 0 and 1 are the headings' two lines
    int lines;
} table_cells;
enum { TABLE_HEADINGS = 2 };
sigmoe_status table_cells_make(const comparison *c, const table_row *rows, table_cells *out);

// "47,260,120" in the arena; NULL without memory, as arena_text. `value` is not negative.
const char *grouped_text(arena *a, int64_t value);

// table.txt's bytes, a sweep's with its verdicts; the caller frees.
sigmoe_status table_text(const comparison *c, const table_row *rows, char **out);
// Writes table.txt (`text`), table.csv and table.json, and a sweep's claims.csv, into the comparison's directory.
sigmoe_status table_write(const comparison *c, const table_row *rows, const char *text);
