// The paper's tables of training results, each on the bases it covers.
#pragma once

#include "paper/presets.h"

// A line of a table is a variant.
typedef struct table_line {
    const char *variant; // NULL ends a list
    int64_t part;        // Top-K: K is the base's N_E·G divided by this; 0: the variant's own
} table_line;

enum { MOST_TABLE_LINES = 32, TABLE_NAME_SIZE = 64 };

typedef struct table_contents table_contents;
typedef struct paper_table {
    char name[TABLE_NAME_SIZE]; // "tab10-e8"
    const char *summary;
    paper_base base;
    const table_contents *contents;
} paper_table;

const paper_table *paper_table_at(int index); // NULL past the end
// An unknown name is an error; the message names the nearest.
sigmoe_status paper_table_named(const char *name, const paper_table **out);
// Sets the lines that the table has on its base; returns their number.
int paper_table_lines(const paper_table *t, table_line lines[MOST_TABLE_LINES]);
// The score printed in the table for a line; NaN: none. `preset_name` is the base's preset and `base` its experts.
double table_line_score(
    const paper_table *t, const table_line *line, const char *preset_name, const moe_options *base);
