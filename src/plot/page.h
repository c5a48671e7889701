// A self-contained page, in a single file that needs no network: everything around its sections, and figures in it.
#pragma once

#include "plot/figure.h"
#include "plot/html.h"

typedef struct page_head {
    const char *title;     // plain text
    int reload_seconds;    // the browser loads the page anew so often; 0: never
    const row_style *rows; // [row_count] whose colours the page uses
    int row_count;
} page_head;

// Prints the page up to and including its heading.
void page_open(FILE *out, const page_head *head);
void page_close(FILE *out);
void page_figure(FILE *out, const figure *f);
// Names and colours of the rows: with the page's script, a switch for each.
void page_legend(FILE *out, const char *const *names, const row_style *rows, int count);
// Opens and closes a table in a frame that scrolls if it is wide. `name` is what it shows, for screen readers. Where `sortable`,
// a column's heading sorts the rows by the numbers of its cells' data-value.
void page_table_open(FILE *out, const char *name, bool sortable);
void page_table_close(FILE *out);
