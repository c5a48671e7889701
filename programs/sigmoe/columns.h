// Tables on stdout that fit the terminal: where it is narrow, columns that matter least are left out; if that does not do, each
// row becomes a few lines. All of it is shown where standard output is no terminal.
#pragma once

#include <stdbool.h>

typedef struct column {
    const char *heading;
    int width;  // at least; columns_measure widens it
    bool right; // aligned
    int goes;   // which goes first: 1 before 2; 0: stays
    bool prose; // only of the last one: folded beside the others, or below them
    bool gone;
} column;

typedef struct columns {
    column *columns;
    int count, terminal; // columns of the terminal, 0: there is none
    bool records;        // rows are printed as "heading value" under the first cell
} columns;

// Makes each column as wide as its cell in this row, and its heading.
void columns_measure(columns *t, const char *const *cells);
// Decides what is left out, when all rows are measured, and prints the headings.
void columns_begin(columns *t);
void columns_print(const columns *t, const char *const *cells);
